package pocketavatar.android

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import pocketavatar.Picture
import java.io.IOException

/** Decodes a picture file by Android's own decoders, and makes [bytes] 0, whatever comes of it. */
internal fun decodeAndWipe(bytes: ByteArray): Picture {
    try {
        checkHeader(bytes)
        if (!isWhole(bytes)) throw IOException("the picture is cut short")
        return BitmapPicture(decode(bytes), orientationOf(bytes))
    } finally {
        bytes.fill(0)
    }
}

/** Nothing is decoded before its kind and size are known. */
private fun checkHeader(bytes: ByteArray) {
    val header = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeByteArray(bytes, 0, bytes.size, header)
    val kind: String? = header.outMimeType
    if (kind !in KINDS) throw IOException("not a PNG, JPEG, WebP or HEIC picture")
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

/** 1 to 8; 1 where there is none, or the metadata of a sound picture is damaged. */
private fun orientationOf(bytes: ByteArray): Int =
    try {
        ExifInterface(bytes.inputStream())
            .getAttributeInt(ExifInterface.TAG_ORIENTATION, 1)
            .takeIf { it in 1..8 } ?: 1
    } catch (_: IOException) {
        1
    }

private val KINDS = setOf("image/png", "image/jpeg", "image/webp", "image/heif", "image/heic")
