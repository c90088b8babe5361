package pocketavatar

import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.runBlocking
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import java.io.File
import java.nio.file.FileSystems
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardWatchEventKinds.ENTRY_CREATE
import java.nio.file.StandardWatchEventKinds.ENTRY_DELETE
import java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY
import java.nio.file.WatchService
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** No run writes a file. The test watches a process that draws, from outside, and looks at its open files. */
class FilesTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `a run writes no file`() {
        val artifact = artifactFolder()
        val home = folder.newFolder("home")
        val child = start(home, artifact)
        try {
            val said = child.inputStream.bufferedReader()
            assertEquals("ready", said.readLine())
            FileSystems.getDefault().newWatchService().use { watch ->
                for (place in home.walk().filter(File::isDirectory) + artifact) {
                    place.toPath().register(watch, ENTRY_CREATE, ENTRY_MODIFY, ENTRY_DELETE)
                }
                child.outputStream.write("go\n".toByteArray())
                child.outputStream.flush()
                assertEquals("drawn; open to write: []", said.readLine())
                assertEquals(emptyList(), events(watch), "files changed")
                File(home, "a file").writeText("seen")
                assertTrue(events(watch).isNotEmpty(), "the watch sees nothing")
            }
        } finally {
            child.destroy()
        }
    }

    private fun start(home: File, artifact: File): Process {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val classes = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        val properties =
            listOf("java.io.tmpdir", "user.home").map { "-D$it=$home" } + "-Dsdk.root=$sdkRoot" + "-XX:-UsePerfData"
        return ProcessBuilder(
            listOf(java) + properties + listOf("-cp", classes, "pocketavatar.FilesTestKt", artifact.absolutePath),
        ).directory(home)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
    }

    private fun events(watch: WatchService): List<String> {
        val events = ArrayList<String>()
        while (true) {
            val key = watch.poll(500, TimeUnit.MILLISECONDS) ?: return events
            events += key.pollEvents().map { "${it.kind()} ${key.watchable()}/${it.context()}" }
            key.reset()
        }
    }
}

/** The process that is watched. It loads the model, waits for a line, draws, and waits again. */
fun main(arguments: Array<String>): Unit =
    runBlocking {
        val written = sortedSetOf<String>()
        val onnx = OnnxRuntimeBackend(threads = 1)
        val watched = Backend { component, model ->
            WatchedRunner(onnx.load(component, model)) {
                written +=
                    openToWrite()
            }
        }
        val studio = AvatarStudio.open(
            Bundled.manifest.with(),
            DirectorySource(File(arguments.single())),
            StudioOptions(watched),
        )
        studio.prepare()
        val before = openToWrite()
        written.clear()
        println("ready")
        readln()
        studio.avatars(listOf(tiles(1), tiles(2)), freeStyle).collect()
        println("drawn; open to write: ${written - before}")
        readlnOrNull()
    }

private class WatchedRunner(
    private val runner: Runner,
    private val look: () -> Unit,
) : Runner by runner {
    override fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
        look()
        runner.run(inputs, outputs)
        look()
    }
}

/** Returns the regular files that this process has open for writing. */
private fun openToWrite(): Set<String> =
    File("/proc/self/fd")
        .list()
        .orEmpty()
        .filter { mayWrite(it) }
        .mapNotNull { runCatching { Files.readSymbolicLink(Path.of("/proc/self/fd/$it")) }.getOrNull() }
        .filter { Files.isRegularFile(it) }
        .map(Path::toString)
        .toSet()

private fun mayWrite(descriptor: String): Boolean {
    val info = File("/proc/self/fdinfo/$descriptor").takeIf(File::exists) ?: return false
    val flags = info
        .readLines()
        .first { it.startsWith("flags:") }
        .substringAfter(':')
        .trim()
    return flags.toInt(8) and 3 != 0
}
