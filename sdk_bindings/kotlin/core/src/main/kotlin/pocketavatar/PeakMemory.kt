package pocketavatar

import java.io.File
import java.io.IOException

/**
 * Returns the largest resident set of this process since it started, in bytes, as Linux and Android
 * report it. Returns null on other systems.
 */
internal fun peakMemoryBytes(): Long? =
    try {
        kibibytesIn(File("/proc/self/status"), "VmHWM:")
    } catch (_: IOException) {
        null
    }
