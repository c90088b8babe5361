package pocketavatar.example

import kotlinx.coroutines.runBlocking
import pocketavatar.AvatarEvent
import pocketavatar.AvatarException
import pocketavatar.AvatarStudio
import pocketavatar.OnnxBackend
import pocketavatar.Selfie
import pocketavatar.StudioOptions
import pocketavatar.Style
import pocketavatar.credit
import pocketavatar.example.pictures.ImageFile
import pocketavatar.named
import java.io.File
import java.io.IOException
import kotlin.system.exitProcess

/** Draws avatars of the person in some picture files, into labelled PNG files. */
public fun main(arguments: Array<String>) {
    exitProcess(run(arguments.toList()))
}

/** Exit code 0, or 2 after one line that says what is wrong. */
internal fun run(arguments: List<String>): Int =
    try {
        val options = Options.of(arguments)
        if (options == null) println(USAGE) else runBlocking { draw(options) }
        0
    } catch (error: AvatarException) {
        complain(error.message)
    } catch (error: UsageException) {
        complain("${error.message}; --help says more")
    } catch (error: IOException) {
        complain(error.message)
    }

private suspend fun draw(options: Options) {
    val style = Style.named(options.style)
    val selfies = options.selfies.map { file -> Selfie { ImageFile.open(file) } }
    val studioOptions = StudioOptions(backend = OnnxBackend(threads = options.threads))
    AvatarStudio.open(options.artifact, studioOptions).use { studio ->
        val avatars =
            studio.avatars(
                selfies = selfies,
                style = style,
                count = options.count,
                seed = options.seed,
                steps = options.steps,
                entitlement = options.entitlement,
            )
        avatars.collect { event -> report(event, options) }
    }
    println("Style: ${style.title}, ${style.credit}")
}

private fun report(event: AvatarEvent, options: Options) {
    when (event) {
        is AvatarEvent.Progress ->
            System.err.println("avatar ${event.avatar + 1} of ${options.count}: step ${event.step} of ${event.steps}")
        is AvatarEvent.Drawn -> {
            val file = options.file(event.avatar.index)
            file.writeBytes(event.avatar.png())
            println("$file (seed ${event.avatar.seed})")
        }
        is AvatarEvent.Finished ->
            System.err.println(
                "%d in %.2f s, %.3f s a step, peak memory %s MB".format(
                    event.count,
                    event.totalSeconds,
                    event.secondsPerStep,
                    event.peakMemoryBytes?.let { it / 1_000_000 } ?: "unknown",
                ),
            )
    }
}

private fun complain(message: String?): Int {
    System.err.println("avatar-example: $message")
    return 2
}

/** Where the avatar with this number goes: `me.png`, or `me-1.png`, `me-2.png`, … of several. */
internal fun Options.file(index: Int): File =
    if (count == 1) out else out.resolveSibling("${out.nameWithoutExtension}-${index + 1}.png")
