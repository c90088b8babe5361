package pocketavatar.android

import android.graphics.Bitmap
import pocketavatar.AiLabel
import pocketavatar.Avatar
import java.io.ByteArrayOutputStream

/** As a bitmap to be shown, with [AiLabel.CAPTION] beside it. */
public fun Avatar.toBitmap(): Bitmap = Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)

/** As a JPEG file that says that it is AI-made; [quality] is 0 to 100. */
public fun Avatar.jpeg(quality: Int = 95): ByteArray {
    val bytes = ByteArrayOutputStream()
    check(toBitmap().compress(Bitmap.CompressFormat.JPEG, quality, bytes)) { "Android wrote no JPEG" }
    return AiLabel.inJpeg(bytes.toByteArray())
}
