package pocketavatar.shrunk

import org.junit.Assume.assumeTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import java.awt.image.BufferedImage
import java.io.File
import java.io.PrintWriter
import java.io.StringWriter
import java.util.spi.ToolProvider
import javax.imageio.ImageIO
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class ShrunkAppTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val root = File(System.getProperty("sdk.root"))
    private val target = root.resolve("shrunk/target")

    private fun artifactFolder(): File {
        val known = System.getenv("AVATAR_ARTIFACT") ?: "../../dist/onnx"
        val found = listOf("artifact", known).map(root::resolve).find(File::isDirectory)
        assumeTrue("no artifact: set AVATAR_ARTIFACT, or make dist/onnx", found != null)
        return checkNotNull(found)
    }

    private fun selfie(): File {
        val random = Random(1)
        val image = BufferedImage(160, 160, BufferedImage.TYPE_INT_RGB)
        val colours = IntArray(400) { random.nextInt() }
        for (y in 0 until 160) for (x in 0 until 160) image.setRGB(x, y, colours[y / 8 * 20 + x / 8])
        return folder.newFile("selfie.png").also { ImageIO.write(image, "png", it) }
    }

    /** Returns the picture that the app draws with this class path. */
    private fun draw(classPath: String, vararg properties: String): ByteArray {
        val out = folder.root.resolve("avatar.png")
        val java = File(System.getProperty("java.home"), "bin/java").path
        val app =
            listOf(
                "pocketavatar.example.MainKt",
                "--threads",
                "1",
                "--artifact",
                artifactFolder().path,
                "--out",
                out.path,
            )
        val process =
            ProcessBuilder(listOf(java, *properties, "-cp", classPath) + app + selfie().path)
                .redirectErrorStream(true)
                .start()
        val said = process.inputStream.bufferedReader().readText()
        assertEquals(0, process.waitFor(), said)
        return out.readBytes().also { out.delete() }
    }

    @Test
    fun `the shrunk app draws what the app drew`() {
        val libraries = target.resolve("program").listFiles().orEmpty()
        val before = draw(libraries.joinToString(File.pathSeparator) { it.path })
        folder.root.resolve("selfie.png").delete()
        val after = draw(target.resolve("shrunk.jar").path, "-Donnxruntime.native.path=${target.resolve("native")}")
        assertContentEquals(before, after)
        assertTrue("pocketavatar.AvatarStudio -> " in target.resolve("mapping.txt").readText())
    }

    /** Returns a line "CLASS uses CLASS" for each class of [what] that a jar uses. */
    private fun uses(jar: String, what: String): List<String> {
        val found = StringWriter()
        val options = arrayOf("--multi-release", "base", "--ignore-missing-deps", "-verbose:class", "-e", what)
        val jdeps = ToolProvider.findFirst("jdeps").orElseThrow()
        jdeps.run(PrintWriter(found), PrintWriter(found), *options, target.resolve(jar).path)
        val lines = found.toString().lines().filter { it.startsWith(" ") }
        return lines.map { it.trim().split(Regex("\\s+")) }.map { (user, _, used) -> "$user uses $used" }
    }

    /** `android.net.Uri` is allowed, because it only holds an address and opens no connection. */
    private val networking = """(java|javax|sun)\.net\..*|android\.net\.(?!Uri).*|.*\.SocketChannel|okhttp3\..*"""

    @Test
    fun `the shrunk app, libraries and runtime use no network`() {
        // Coroutines open their own jar by its URL to look for plug-ins. R8 renames the class that does.
        val names = target.resolve("mapping.txt").readLines().filter { " -> " in it && it.endsWith(":") }
        val loader = names.single { it.startsWith("kotlinx.coroutines.internal.FastServiceLoader -> ") }
        val known = "${loader.substringAfter(" -> ").removeSuffix(":")} uses java.net.URL"
        assertEquals(emptyList(), uses("shrunk.jar", networking) - known)
        assertTrue(uses("shrunk.jar", """java\.nio\..*""").isNotEmpty(), "the scan finds nothing at all")
    }

    @Test
    fun `the Android library uses no network and writes no log`() {
        val logging = """android\.util\.Log|java\.util\.logging\..*"""
        assertEquals(emptyList(), uses("program/pocketavatar-android.jar", "$networking|$logging"))
    }
}
