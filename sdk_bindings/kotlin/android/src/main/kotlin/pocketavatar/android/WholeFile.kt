package pocketavatar.android

import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Whether a picture file goes on to its end: Android's decoders fill the rest of one that was cut
 * short with grey. What follows the end, as the film does in a "motion photo", does not matter.
 */
internal fun isWhole(file: ByteArray): Boolean {
    val bytes = ByteBuffer.wrap(file)
    return try {
        when {
            file.startsWith("\u0089PNG") -> pngEnds(bytes)
            file.startsWith("\u00FF\u00D8") -> jpegEnds(bytes)
            file.startsWith("RIFF") -> bytes.order(ByteOrder.LITTLE_ENDIAN).getInt(4) <= file.size - 8
            else -> true // HEIC: its decoder refuses such files itself
        }
    } catch (_: BufferUnderflowException) {
        false
    } catch (_: IllegalArgumentException) {
        false
    } catch (_: IndexOutOfBoundsException) {
        false
    }
}

/** Chunk after chunk, to the one that ends a PNG (ISO/IEC 15948, 5.3). */
private fun pngEnds(bytes: ByteBuffer): Boolean {
    bytes.position(8)
    while (true) {
        val length = bytes.getInt()
        val type = bytes.getInt()
        bytes.position(bytes.position() + length + 4)
        if (type == IEND) return true
    }
}

/** To the first scan segment by segment; in a scan, FF D9 is nothing but the end (T.81, B.1.1). */
private fun jpegEnds(bytes: ByteBuffer): Boolean {
    bytes.position(2)
    while (true) {
        val marker = bytes.getShort().toInt() and 0xFFFF
        val length = bytes.getShort().toInt() and 0xFFFF
        bytes.position(bytes.position() + length - 2)
        if (marker == START_OF_SCAN) break
    }
    var before: Byte = 0
    while (true) {
        val next = bytes.get()
        if (before == 0xFF.toByte() && next == 0xD9.toByte()) return true
        before = next
    }
}

private fun ByteArray.startsWith(text: String): Boolean =
    size >= text.length && text.indices.all { this[it] == text[it].code.toByte() }

private const val IEND = 0x49454E44
private const val START_OF_SCAN = 0xFFDA
