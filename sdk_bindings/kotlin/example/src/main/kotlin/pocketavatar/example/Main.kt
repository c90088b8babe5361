package pocketavatar.example

import kotlinx.coroutines.runBlocking
import pocketavatar.AvatarEvent
import pocketavatar.AvatarException
import pocketavatar.AvatarStudio
import pocketavatar.AvatarStyle
import pocketavatar.OnnxRuntimeBackend
import pocketavatar.Selfie
import pocketavatar.StudioOptions
import pocketavatar.credit
import pocketavatar.example.pictures.ImageFile
import pocketavatar.named
import java.io.File
import java.io.IOException
import kotlin.system.exitProcess

/** Draws avatars of the person in picture files and writes labelled PNG files. */
public fun main(arguments: Array<String>) {
    exitProcess(run(arguments.toList()))
}

/** Returns exit code 0, or 2 after it has printed one line that says what is wrong. */
internal fun run(words: List<String>): Int =
    try {
        val arguments = Arguments.of(words)
        if (arguments == null) println(USAGE) else runBlocking { draw(arguments) }
        0
    } catch (error: AvatarException) {
        complain(error.message)
    } catch (error: UsageException) {
        complain("${error.message}; --help says more")
    } catch (error: IOException) {
        complain(error.message)
    }

private suspend fun draw(arguments: Arguments) {
    val style = AvatarStyle.named(arguments.style)
    val selfies = arguments.selfies.map { file -> Selfie { ImageFile.open(file) } }
    val options = StudioOptions(backend = OnnxRuntimeBackend(threads = arguments.threads))
    AvatarStudio.open(arguments.artifact, options).use { studio ->
        val avatars =
            studio.avatars(
                selfies = selfies,
                style = style,
                count = arguments.count,
                seed = arguments.seed,
                steps = arguments.steps,
                entitlement = arguments.entitlement,
            )
        avatars.collect { event -> report(event, arguments) }
    }
    println("Style: ${style.title}, ${style.credit}")
}

private fun report(event: AvatarEvent, arguments: Arguments) {
    when (event) {
        is AvatarEvent.Progress ->
            System.err.println("avatar ${event.avatar + 1} of ${arguments.count}: step ${event.step} of ${event.steps}")
        is AvatarEvent.Drawn -> {
            val file = arguments.file(event.avatar.index)
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

/**
 * Returns the file for the avatar with this index: `me.png`, or `me-1.png`, `me-2.png`, … if there are
 * several.
 */
internal fun Arguments.file(index: Int): File =
    if (count == 1) out else out.resolveSibling("${out.nameWithoutExtension}-${index + 1}.png")
