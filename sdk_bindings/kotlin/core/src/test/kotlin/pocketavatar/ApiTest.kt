package pocketavatar

import kotlinx.validation.api.dump
import kotlinx.validation.api.filterOutNonPublic
import kotlinx.validation.api.loadApiFromJvmClasses
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals

/**
 * The public API is the one in `core.api`. The styles are left out, because the artifact defines them.
 * `UPDATE_API=1 mvn -pl core test` writes the file anew.
 */
class ApiTest {
    @Test
    fun `the public API has not changed`() {
        val classes = File(AvatarStudio::class.java.protectionDomain.codeSource.location.path)
        val streams =
            classes
                .walk()
                .filter { it.extension == "class" }
                .sorted()
                .map { it.inputStream() }
        val api = StringBuilder().also { streams.loadApiFromJvmClasses().filterOutNonPublic().dump(it) }.toString()
        val own = api
            .lines()
            .filterNot {
                Regex("public static final field [A-Z0-9_]+ Lpocketavatar/AvatarStyle;") in it
            }.joinToString("\n")
        val known = sdkRoot.resolve("core/core.api")
        if (System.getenv("UPDATE_API") == "1") known.writeText(own)
        assertEquals(known.readText(), own, "UPDATE_API=1 writes core.api anew")
    }
}
