import org.jetbrains.kotlin.gradle.dsl.JvmTarget
import pocketavatar.build.CheckPageAlignment

plugins {
    id("com.android.library")
    kotlin("android")
}

group = "org.pocketavatar"
version = "0.1.0"

val onnxruntimeVersion: String by project

android {
    namespace = "pocketavatar.android"
    compileSdk = 34

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    // The published artifact becomes assets/avatar. Models are compressed already.
    sourceSets["main"].assets.srcDir(layout.buildDirectory.dir("avatar-assets"))
    androidResources.noCompress += listOf("onnx", "ort")
}

kotlin {
    explicitApi()
    compilerOptions.jvmTarget = JvmTarget.JVM_1_8
}

/** The native libraries that an app gets with this one. */
val nativeLibraries: Configuration by configurations.creating { isTransitive = false }

dependencies {
    api(project(":core"))
    api("com.microsoft.onnxruntime:onnxruntime-android:$onnxruntimeVersion")
    nativeLibraries("com.microsoft.onnxruntime:onnxruntime-android:$onnxruntimeVersion@aar")
}

val copyArtifact by tasks.registering(Sync::class) {
    from(rootDir.resolve("artifact"))
    into(layout.buildDirectory.dir("avatar-assets/avatar"))
}

tasks.named("preBuild") { dependsOn(copyArtifact) }

/** `gradle :android:checkPageAlignment`: devices with 16 KB pages load no other library. */
tasks.register<CheckPageAlignment>("checkPageAlignment") {
    group = "verification"
    description = "Fails unless every native library of ONNX Runtime is aligned to 16 KB pages."
    archives.from(nativeLibraries)
}
