package pocketavatar.android

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import pocketavatar.Selfie
import java.io.IOException
import java.io.InputStream
import kotlin.math.min

/**
 * The picture behind a content URI, such as the system's picture picker gives: PNG, JPEG, WebP, or
 * HEIC from Android 9 on. It is read when its turn comes, upright and in sRGB (before Android 8 a
 * colour profile in the file is ignored).
 */
public fun selfieOf(context: Context, uri: Uri): Selfie {
    val resolver = context.applicationContext.contentResolver
    return Selfie {
        val bytes =
            try {
                resolver.openInputStream(uri)?.use { readAll(it) }
            } catch (error: SecurityException) {
                throw IOException("this app may not read it", error)
            }
        decodeAndWipe(bytes ?: throw IOException("there is no picture"))
    }
}

/** A picture file in memory; formats as above. The bytes stay the app's and are not changed. */
public fun selfieOf(bytes: ByteArray): Selfie = Selfie { decodeAndWipe(bytes.clone()) }

/** A picture that the app holds as a bitmap, upright. It stays the app's and is not changed. */
public fun selfieOf(bitmap: Bitmap): Selfie =
    Selfie {
        // A copy, because hardware bitmaps have no pixels to read.
        val copy = bitmap.copy(Bitmap.Config.ARGB_8888, true) ?: throw IOException("the bitmap is recycled")
        BitmapPicture(copy, 1)
    }

/**
 * A whole stream, at most [MAX_BYTES] of it. It is gathered in [parts], which are 0 afterwards, also
 * where reading fails: an array that grows would leave its smaller predecessors behind.
 */
internal fun readAll(stream: InputStream, parts: MutableList<ByteArray> = ArrayList()): ByteArray {
    try {
        val size = fill(parts, stream)
        return joined(parts, size)
    } finally {
        parts.forEach { it.fill(0) }
    }
}

/** Adds as many parts as [stream] needs; how many bytes of them are its own. */
private fun fill(parts: MutableList<ByteArray>, stream: InputStream): Int {
    var size = 0
    while (true) {
        val at = size % PART_BYTES
        if (size == parts.size * PART_BYTES) parts += ByteArray(PART_BYTES)
        val count = stream.read(parts.last(), at, PART_BYTES - at)
        if (count < 0) return size
        size += count
        if (size > MAX_BYTES) throw IOException("more than ${MAX_BYTES shr 20} MiB")
    }
}

private fun joined(parts: List<ByteArray>, size: Int): ByteArray {
    val whole = ByteArray(size)
    parts.forEachIndexed { index, part ->
        val start = index * PART_BYTES
        part.copyInto(whole, start, 0, min(PART_BYTES, size - start))
    }
    return whole
}

private const val PART_BYTES = 1 shl 16

/** No camera writes larger files of pictures that may be read. */
private const val MAX_BYTES = 128 shl 20
