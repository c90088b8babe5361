package pocketavatar.android

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import pocketavatar.Picture
import java.io.IOException

/**
 * Decodes a picture file with Android's decoders, and sets [bytes] to 0, also if decoding fails.
 *
 * @throws IOException the file is not a picture, is damaged or is too large.
 */
internal fun decodeAndWipe(bytes: ByteArray): Picture {
    try {
        checkHeader(bytes)
        if (!isWhole(bytes)) throw IOException("the picture is cut short")
        return BitmapPicture(decode(bytes), orientationOf(bytes))
    } finally {
        bytes.fill(0)
    }
}

/** Checks the format and size in the header, before anything is decoded. */
private fun checkHeader(bytes: ByteArray) {
    val header = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeByteArray(bytes, 0, bytes.size, header)
    val format: String? = header.outMimeType
    if (format !in FORMATS) throw IOException("not a PNG, JPEG, WebP or HEIC picture")
    Picture.checkSize(header.outWidth, header.outHeight)
}

private fun decode(bytes: ByteArray): Bitmap {
    val options =
        BitmapFactory.Options().apply {
            inPreferredConfig = Bitmap.Config.ARGB_8888
            inPremultiplied = false
            inMutable = true
            inScaled = false
        }
    return BitmapFactory.decodeByteArray(bytes, 0, bytes.size, options) ?: throw IOException("the picture is damaged")
}

/** Returns the EXIF orientation, 1 to 8. It is 1 if there is none or if the metadata is damaged. */
private fun orientationOf(bytes: ByteArray): Int =
    try {
        ExifInterface(bytes.inputStream())
            .getAttributeInt(ExifInterface.TAG_ORIENTATION, 1)
            .takeIf { it in 1..8 } ?: 1
    } catch (_: IOException) {
        1
    }

private val FORMATS = setOf("image/png", "image/jpeg", "image/webp", "image/heif", "image/heic")
