package pocketavatar.android

import kotlinx.validation.api.dump
import kotlinx.validation.api.filterOutNonPublic
import kotlinx.validation.api.loadApiFromJvmClasses
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals

/** The public API is the one in `android.api`. `UPDATE_API=1 mvn test` writes the file anew. */
class ApiTest {
    @Test
    fun `the public API has not changed`() {
        val classes = File(AndroidFaceDetector::class.java.protectionDomain.codeSource.location.path)
        val streams = classes
            .walk()
            .filter { it.extension == "class" }
            .sorted()
            .map { it.inputStream() }
        val api = StringBuilder().also { streams.loadApiFromJvmClasses().filterOutNonPublic().dump(it) }.toString()
        val known = File(System.getProperty("sdk.root"), "android/android.api")
        if (System.getenv("UPDATE_API") == "1") known.writeText(api)
        assertEquals(known.readText(), api, "UPDATE_API=1 writes android.api anew")
    }
}
