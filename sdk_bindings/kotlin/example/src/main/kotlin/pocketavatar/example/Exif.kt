package pocketavatar.example

import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A JPEG file's EXIF orientation, 1 to 8; 1 where it has none or its metadata is damaged. */
internal fun exifOrientation(jpeg: ByteArray): Int =
    try {
        tiffIn(jpeg)?.let(::orientationIn) ?: 1
    } catch (_: BufferUnderflowException) {
        1
    } catch (_: IllegalArgumentException) {
        1
    }

/** The TIFF structure in the APP1 segment that EXIF 2.32, 4.7.2 describes. */
private fun tiffIn(jpeg: ByteArray): ByteBuffer? {
    val bytes = ByteBuffer.wrap(jpeg)
    if (bytes.getShort() != START) return null
    while (bytes.get() == MARKER) {
        val kind = bytes.get()
        val length = (bytes.getShort().toInt() and 0xFFFF) - 2
        val segment = bytes.slice().limit(length) as ByteBuffer
        bytes.position(bytes.position() + length)
        if (kind == APP1 && length > HEADER.size && HEADER.all { segment.get() == it }) return segment.slice()
        if (kind == SCAN) return null
    }
    return null
}

/** The value of tag 0x0112 in the first directory (TIFF 6.0, section 2). */
private fun orientationIn(tiff: ByteBuffer): Int? {
    tiff.order(if (tiff.get(0) == 'I'.code.toByte()) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN)
    tiff.position(tiff.getInt(4))
    repeat(tiff.getShort().toInt()) {
        val entry = tiff.position()
        if (tiff.getShort(entry) == ORIENTATION) return tiff.getShort(entry + 8).toInt().takeIf { it in 1..8 }
        tiff.position(entry + 12)
    }
    return null
}

private val HEADER = "Exif".toByteArray() + ByteArray(2)
private const val START = 0xFFD8.toShort()
private const val MARKER: Byte = -1
private const val APP1 = 0xE1.toByte()
private const val SCAN = 0xDA.toByte()
private const val ORIENTATION: Short = 0x0112
