package pocketavatar

import ai.onnxruntime.OrtEnvironment
import java.io.File
import java.io.PrintWriter
import java.io.StringWriter
import java.util.spi.ToolProvider
import java.util.zip.ZipFile
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** The library, the runtime's classes and the runtime's native code use no networking API. */
class NoNetworkingTest {
    private val networking = """(java|javax|android|sun)\.net\..*|java\.nio\.channels\..*Socket.*|okhttp3\..*"""

    private fun placeOf(type: Class<*>) =
        File(
            type.protectionDomain.codeSource.location
                .toURI(),
        )

    private fun uses(place: File, what: String): List<String> {
        val found = StringWriter()
        val jdeps = ToolProvider.findFirst("jdeps").orElseThrow()
        val options = arrayOf("--multi-release", "base", "--ignore-missing-deps", "-verbose:class", "-e", what)
        jdeps.run(PrintWriter(found), PrintWriter(found), *options, place.path)
        return found.toString().lines().filter(String::isNotBlank)
    }

    @Test
    fun `classes use no networking`() {
        for (place in listOf(placeOf(AvatarStudio::class.java), placeOf(OrtEnvironment::class.java))) {
            assertEquals(emptyList(), uses(place, networking), "$place")
            assertTrue(uses(place, """java\.nio\..*""").isNotEmpty(), "the scan finds nothing at all in $place")
        }
    }

    @Test
    fun `the runtime's native code uses no networking`() {
        val jar = ZipFile(placeOf(OrtEnvironment::class.java))
        val libraries = jar.entries().toList().filter { "linux" in it.name && it.name.endsWith(".so") }
        assertTrue(libraries.size >= 2)
        for (library in libraries) {
            val text = jar.getInputStream(library).use { String(it.readBytes(), Charsets.ISO_8859_1) }
            assertTrue("\u0000malloc\u0000" in text || "\u0000memcpy\u0000" in text, "no symbols in ${library.name}")
            for (symbol in listOf("socket", "connect", "getaddrinfo", "gethostbyname", "sendto", "SSL_connect")) {
                assertTrue("\u0000$symbol\u0000" !in text, "${library.name} has $symbol")
            }
            assertTrue("events.data.microsoft.com" !in text, "${library.name} knows a telemetry host")
        }
    }

    @Test
    fun `the runtime is older than the first that sends telemetry`() {
        val (major, minor) = OrtEnvironment
            .getEnvironment()
            .version
            .split(".")
            .map(String::toInt)
        assertEquals(1, major)
        assertTrue(minor in 27..28, "ONNX Runtime 1.$minor")
    }

    @Test
    fun `the library writes no log`() {
        val logging = """java\.util\.logging\..*|android\.util\.Log|org\.slf4j\..*"""
        assertEquals(emptyList(), uses(placeOf(AvatarStudio::class.java), logging))
        val sources = sdkRoot.resolve("core/src/main").walk().filter { it.extension == "kt" }
        val printing = sources.filter { Regex("""\bprint(ln)?\(|System\.(out|err)""") in it.readText() }
        assertEquals(emptyList(), printing.toList())
    }
}
