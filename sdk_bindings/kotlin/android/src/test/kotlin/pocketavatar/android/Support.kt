package pocketavatar.android

import android.content.Context
import android.graphics.Bitmap
import org.robolectric.RuntimeEnvironment
import pocketavatar.AvatarStyle
import pocketavatar.Bundled
import pocketavatar.Picture
import pocketavatar.SelfieRule
import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import kotlin.random.Random

val context: Context get() = RuntimeEnvironment.getApplication()

/** A style of the free tier, if the artifact has one. */
val freeStyle: AvatarStyle = AvatarStyle.entries.minBy { it.tier }

/** Returns opaque pixels in tiles of 8×8. Another seed gives another picture. */
fun tiles(seed: Int, width: Int, height: Int): IntArray {
    val random = Random(seed)
    val colours = IntArray(64 * 64) { random.nextInt() or (255 shl 24) }
    return IntArray(width * height) { colours[it / width / 8 % 64 * 64 + it % width / 8 % 64] }
}

/** Returns a picture file of these pixels, which Android encodes. */
fun encoded(
    pixels: IntArray,
    width: Int,
    height: Int,
    format: Bitmap.CompressFormat = Bitmap.CompressFormat.PNG,
): ByteArray {
    val bitmap = Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)
    return ByteArrayOutputStream().also { bitmap.compress(format, 95, it) }.toByteArray()
}

/** Returns a PNG file of tiles that follows every rule. */
fun selfieFile(seed: Int): ByteArray = encoded(tiles(seed, enoughPixels, enoughPixels), enoughPixels, enoughPixels)

/** A side of pictures that is large enough for the rules. */
val enoughPixels: Int =
    Bundled.manifest.run {
        val least = rules.find { it.rule == SelfieRule.SIDE }?.min ?: 0.0
        maxOf(160, selfies.shape.last() + 32, least.toInt() + 32)
    }

/** Returns a JPEG file with this EXIF orientation. */
fun withOrientation(jpeg: ByteArray, orientation: Int): ByteArray {
    val tiff = ByteBuffer.allocate(26)
    tiff
        .put("MM".toByteArray())
        .putShort(42)
        .putInt(8)
        .putShort(1)
    tiff
        .putShort(0x0112)
        .putShort(3)
        .putInt(1)
        .putShort(orientation.toShort())
        .putShort(0)
    val exif = "Exif".toByteArray() + ByteArray(2) + tiff.array()
    return jpeg.copyOf(2) + byteArrayOf(-1, 0xE1.toByte(), 0, (exif.size + 2).toByte()) + exif +
        jpeg.copyOfRange(2, jpeg.size)
}

fun Picture.pixels(): IntArray =
    IntArray(width * height).also { all ->
        val row = IntArray(width)
        for (y in 0 until height) {
            readRow(0, y, width, row)
            row.copyInto(all, y * width)
        }
    }
