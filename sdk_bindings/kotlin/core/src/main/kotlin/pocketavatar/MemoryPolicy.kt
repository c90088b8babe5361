package pocketavatar

import java.io.File
import java.io.IOException

/** How many networks a studio holds in memory. */
public enum class MemoryPolicy {
    /** A network stays loaded from its first use on, so that later runs begin at once. */
    KEEP_ALL,

    /**
     * One network at a time: the studio loads it, runs it for all avatars of a run, and releases it
     * before it loads the next one, and at the end of the run. The avatars of a run then come together
     * at its end. Runs that overlap load their networks again and again, so an app should wait for one
     * run before it starts the next.
     */
    ONE_AT_A_TIME,

    /**
     * [KEEP_ALL] if all networks are estimated to need at most a third of the device's memory, else
     * [ONE_AT_A_TIME]. A system lets the app in front use about half. It is [KEEP_ALL], too, on systems
     * that do not tell how much memory there is.
     */
    AUTOMATIC,
    ;

    /** Returns the policy that [AUTOMATIC] stands for on a device with [deviceBytes], or this one. */
    internal fun resolved(manifest: Manifest, deviceBytes: Long? = deviceMemoryBytes()): MemoryPolicy =
        when {
            this != AUTOMATIC -> this
            deviceBytes == null -> KEEP_ALL
            manifest.estimatedPeakMemoryBytes(KEEP_ALL) <= deviceBytes / 3 -> KEEP_ALL
            else -> ONE_AT_A_TIME
        }
}

/** As `Bundled.estimatedPeakMemoryBytes` describes it. */
internal fun Manifest.estimatedPeakMemoryBytes(policy: MemoryPolicy): Long {
    val weights = components.map { weightBytes(it.path) }
    val tensors = components.map { component -> 16L * 4 * (component.inputs + component.outputs).sumOf { it.count } }
    return when (policy.resolved(this)) {
        MemoryPolicy.ONE_AT_A_TIME -> weights.zip(tensors, Long::plus).maxOrNull() ?: 0
        else -> weights.sum() + (tensors.maxOrNull() ?: 0)
    }
}

private fun Manifest.weightBytes(path: String): Long {
    val bytes = files.filter { it.path == path }.sumOf { it.byteCount }
    return if (path.endsWith(".ort")) 5 * bytes / 2 else 5 * bytes
}

/** Returns the memory of the device in bytes, as Linux and Android report it, or null elsewhere. */
private fun deviceMemoryBytes(): Long? =
    try {
        kibibytesIn(File("/proc/meminfo"), "MemTotal:")
    } catch (_: IOException) {
        null
    }

/** Returns the number in the line that begins with [name], which is in KiB, in bytes. */
internal fun kibibytesIn(file: File, name: String): Long? =
    file.useLines { lines ->
        lines.firstOrNull { it.startsWith(name) }?.let { line -> line.filter(Char::isDigit).toLong() * 1024 }
    }
