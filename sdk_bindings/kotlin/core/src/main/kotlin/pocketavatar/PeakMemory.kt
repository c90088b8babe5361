package pocketavatar

import java.io.File
import java.io.IOException

/**
 * Returns the largest resident set of this process since it started, in bytes, as Linux and Android
 * report it. Returns null on other systems.
 */
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
