package pocketavatar.android

import android.graphics.Bitmap
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import java.io.IOException
import java.util.zip.CRC32
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class DecodingTest {
    private val pixels = tiles(1, 48, 32)

    private fun whyNot(file: ByteArray): String =
        assertFailsWith<IOException> { selfieOf(file).open() }.message.orEmpty()

    @Test
    fun `PNG is read as it is, JPEG and WebP nearly`() {
        assertContentEquals(pixels, selfieOf(encoded(pixels, 48, 32)).open().pixels())
        @Suppress("DEPRECATION")
        for (format in listOf(Bitmap.CompressFormat.JPEG, Bitmap.CompressFormat.WEBP)) {
            val picture = selfieOf(encoded(pixels, 48, 32, format)).open()
            assertEquals(listOf(48, 32, 1), listOf(picture.width, picture.height, picture.orientation))
            val read = picture.pixels()
            val mean = pixels.indices.sumOf { abs((pixels[it] shr 8 and 255) - (read[it] shr 8 and 255)) } / 1536.0
            assertTrue(mean < 20, "$format: $mean")
        }
    }

    @Test
    fun `transparency is kept as it was`() {
        val colours = IntArray(64) { 0x40C08040 }
        assertContentEquals(colours, selfieOf(transparent(colours)).open().pixels())
    }

    private fun transparent(colours: IntArray): ByteArray {
        val bitmap = Bitmap.createBitmap(8, 8, Bitmap.Config.ARGB_8888)
        bitmap.isPremultiplied = false
        bitmap.setPixels(colours, 0, 8, 0, 0, 8, 8)
        return java.io
            .ByteArrayOutputStream()
            .also {
                bitmap.compress(
                    Bitmap.CompressFormat.PNG,
                    100,
                    it,
                )
            }.toByteArray()
    }

    @Test
    fun `the orientation that a camera wrote is read`() {
        val jpeg = encoded(pixels, 48, 32, Bitmap.CompressFormat.JPEG)
        for (orientation in 1..8) {
            assertEquals(orientation, selfieOf(withOrientation(jpeg, orientation)).open().orientation)
        }
    }

    @Test
    fun `files that are not pictures, empty, truncated or in another format are refused`() {
        assertTrue("not a PNG" in whyNot(ByteArray(0)))
        assertTrue("not a PNG" in whyNot("GIF?".toByteArray()))
        @Suppress("DEPRECATION")
        for (format in listOf(Bitmap.CompressFormat.PNG, Bitmap.CompressFormat.JPEG, Bitmap.CompressFormat.WEBP)) {
            val whole = encoded(tiles(1, 160, 200), 160, 200, format)
            assertTrue(isWhole(whole), "$format")
            assertTrue(isWhole(whole + ByteArray(100)), "$format with something behind it")
            for (size in listOf(whole.size - 3, whole.size / 2)) {
                assertTrue("cut short" in whyNot(whole.copyOf(size)), "$format")
            }
            whyNot(whole.copyOf(40))
        }
    }

    @Test
    fun `a picture of 400 million pixels is refused by its header`() {
        val file = encoded(pixels, 48, 32)
        for (at in listOf(16, 20)) byteArrayOf(0, 0, 0x4E, 0x20).copyInto(file, at)
        val crc = CRC32().apply { update(file, 12, 17) }.value
        for (i in 0..3) file[29 + i] = (crc shr (24 - 8 * i)).toByte()
        assertTrue("20000×20000" in whyNot(file))
    }

    @Test
    fun `the app's data is not changed, and the library's copies are erased`() {
        val file = encoded(pixels, 48, 32)
        val before = file.clone()
        val picture = selfieOf(file).open() as BitmapPicture
        val shown = picture.bitmap
        picture.close()
        assertTrue(shown.isRecycled)
        assertContentEquals(before, file)

        val bitmap = Bitmap.createBitmap(pixels, 48, 32, Bitmap.Config.ARGB_8888)
        selfieOf(bitmap).open().close()
        assertEquals(pixels[7], bitmap.getPixel(7, 0))
    }

    @Test
    fun `a small upright copy is made for the face detector`() {
        val upright = tiles(5, 64, 96)
        val reference =
            upright(
                BitmapPicture(
                    Bitmap.createBitmap(upright, 64, 96, Bitmap.Config.ARGB_8888).copy(Bitmap.Config.ARGB_8888, true),
                    1,
                ),
                48,
            )
        assertEquals(listOf(32, 48), listOf(reference.bitmap.width, reference.bitmap.height))
        assertEquals(0.5, reference.scale)
        // Orientation 6 is a quarter turn: the stored pixel (x, y) is the upright pixel (63 - y, x).
        val stored = IntArray(96 * 64) { upright[(it % 96) * 64 + (63 - it / 96)] }.let { turned(it) }
        val turned = upright(stored, 48)
        assertEquals(listOf(32, 48), listOf(turned.bitmap.width, turned.bitmap.height))
        var far = 0
        for (y in 0 until 48) {
            for (x in 0 until 32) {
                val a = reference.bitmap.getPixel(x, y)
                val b = turned.bitmap.getPixel(x, y)
                if (abs((a shr 8 and 255) - (b shr 8 and 255)) > 16) far++
            }
        }
        assertTrue(far < 32 * 48 / 50, "$far pixels differ")
    }

    /** With orientation 6 the upright pixel (u, v) is stored at (v, H - 1 - u). */
    private fun turned(pixels: IntArray) =
        BitmapPicture(
            Bitmap.createBitmap(pixels, 96, 64, Bitmap.Config.ARGB_8888).copy(Bitmap.Config.ARGB_8888, true),
            6,
        )

    @Test
    fun `the box of a face follows from the eyes`() {
        val face = boxOf(x = 50.0, y = 40.0, eyes = 20.0, scale = 0.5)
        assertEquals(listOf(100.0, 100.0), listOf(face.width, face.height))
        assertEquals(50.0, face.left)
        assertEquals(40.0, face.top)
    }
}
