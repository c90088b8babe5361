package pocketavatar.android

import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Returns whether a picture file is complete. Android's decoders fill the rest of a truncated picture
 * with grey and report no error.
 *
 * Data after the end of the picture does not matter. A "motion photo" has a film there.
 */
internal fun isWhole(file: ByteArray): Boolean {
    val bytes = ByteBuffer.wrap(file)
    return try {
        when {
            file.startsWith("\u0089PNG") -> pngEnds(bytes)
            file.startsWith("\u00FF\u00D8") -> jpegEnds(bytes)
            file.startsWith("RIFF") -> bytes.order(ByteOrder.LITTLE_ENDIAN).getInt(4) <= file.size - 8
            else -> true // The decoder of HEIC rejects truncated files itself.
        }
    } catch (_: BufferUnderflowException) {
        false
    } catch (_: IllegalArgumentException) {
        false
    } catch (_: IndexOutOfBoundsException) {
        false
    }
}

/** Reads chunk after chunk up to the one that ends a PNG file (ISO/IEC 15948, 5.3). */
private fun pngEnds(bytes: ByteBuffer): Boolean {
    bytes.position(8)
    while (true) {
        val length = bytes.getInt()
        val type = bytes.getInt()
        bytes.position(bytes.position() + length + 4)
        if (type == IEND) return true
    }
}

/**
 * Reads segment after segment up to the first scan, and then searches the end. In a scan the bytes
 * FF D9 occur only at its end (T.81, B.1.1).
 */
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
