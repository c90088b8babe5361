import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    kotlin("jvm")
}

group = "org.pocketavatar"
version = "0.1.0"

val coroutinesVersion: String by project
val onnxruntimeVersion: String by project

kotlin {
    explicitApi()
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        freeCompilerArgs.add("-Xjdk-release=1.8")
    }
}

java {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:$coroutinesVersion")
    // The module that uses this one adds the build for its platform: onnxruntime-android in :android.
    compileOnly("com.microsoft.onnxruntime:onnxruntime:$onnxruntimeVersion")
}
