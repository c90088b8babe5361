package pocketavatar

import java.io.File
import java.io.IOException

/** The most memory this process ever held, in bytes, as Linux and Android tell it; else null. */
internal fun peakMemoryBytes(): Long? =
    try {
        File("/proc/self/status").useLines { lines ->
            lines.firstOrNull { it.startsWith("VmHWM:") }?.let { line ->
                line.filter(Char::isDigit).toLong() * 1024
            }
        }
    } catch (_: IOException) {
        null
    }
