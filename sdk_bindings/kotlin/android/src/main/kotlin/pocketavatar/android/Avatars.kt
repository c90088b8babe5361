package pocketavatar.android

import android.graphics.Bitmap
import pocketavatar.AiLabel
import pocketavatar.Avatar
import java.io.ByteArrayOutputStream

/** Returns the avatar as a bitmap to show. Show [AiLabel.DISCLOSURE] beside it. */
public fun Avatar.toBitmap(): Bitmap = Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)

/**
 * Encodes the avatar as a JPEG file that is labelled as AI-generated ([AiLabel]).
 *
 * @param quality 0 (smallest) to 100 (best).
 * @throws IllegalArgumentException [quality] is out of range.
 * @throws IllegalStateException Android could not encode the file.
 */
public fun Avatar.jpeg(quality: Int = 95): ByteArray {
    val bytes = ByteArrayOutputStream()
    check(toBitmap().compress(Bitmap.CompressFormat.JPEG, quality, bytes)) { "Android wrote no JPEG" }
    return AiLabel.inJpeg(bytes.toByteArray())
}
