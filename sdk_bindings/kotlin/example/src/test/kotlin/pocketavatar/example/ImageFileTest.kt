package pocketavatar.example

import org.junit.Rule
import org.junit.rules.TemporaryFolder
import pocketavatar.example.pictures.ImageFile
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class ImageFileTest {
    @get:Rule
    val folder = TemporaryFolder()

    private fun file(bytes: ByteArray): File = folder.newFile().apply { writeBytes(bytes) }

    private fun encoded(format: String): ByteArray {
        val image = BufferedImage(60, 40, BufferedImage.TYPE_INT_RGB)
        for (y in 0 until 40) for (x in 0 until 60) image.setRGB(x, y, x * 4 shl 16 or (y * 6))
        return ByteArrayOutputStream().also { ImageIO.write(image, format, it) }.toByteArray()
    }

    private fun whyNot(bytes: ByteArray): String =
        assertFailsWith<IOException> {
            ImageFile.open(file(bytes))
        }.message.orEmpty()

    @Test
    fun `PNG and JPEG are read`() {
        for (format in listOf("png", "jpeg")) {
            val picture = ImageFile.open(file(encoded(format)))
            assertEquals(listOf(60, 40, 1), listOf(picture.width, picture.height, picture.orientation))
        }
        val row = IntArray(2)
        ImageFile.open(file(encoded("png"))).readRow(left = 10, y = 5, count = 2, into = row)
        assertEquals(listOf(0xFF28001E, 0xFF2C001E).map(Long::toInt), row.toList())
    }

    @Test
    fun `the orientation that a camera wrote is read, in either byte order`() {
        val jpeg = encoded("jpeg")
        for (orientation in 1..8) {
            val little = "49492a000800000001001201030001000000${"%02x".format(orientation)}00000000000000"
            val big = "4d4d002a00000008000101120003000000010${"%03x".format(orientation)}000000000000"
            for (tiff in listOf(little, big)) {
                val exif = "Exif".toByteArray() + ByteArray(2) + tiff.chunked(2).map { it.toInt(16).toByte() }
                val segment = byteArrayOf(-1, 0xE1.toByte(), 0, (exif.size + 2).toByte()) + exif
                val bytes = jpeg.copyOf(2) + segment + jpeg.copyOfRange(2, jpeg.size)
                assertEquals(orientation, ImageFile.open(file(bytes)).orientation)
            }
        }
    }

    @Test
    fun `files that are not pictures, empty, truncated or changed are refused`() {
        assertTrue("not a PNG or JPEG" in whyNot(ByteArray(0)))
        assertTrue("not a PNG or JPEG" in whyNot("GIF?".toByteArray()))
        for (format in listOf("png", "jpeg")) {
            val bytes = encoded(format)
            whyNot(bytes.copyOf(bytes.size / 2))
            whyNot(bytes.copyOf(bytes.size / 8))
        }
        assertFailsWith<IOException> { ImageFile.open(folder.root) }
        assertFailsWith<IOException> { ImageFile.open(File(folder.root, "none.png")) }
    }

    @Test
    fun `a picture of 400 million pixels is refused by its header`() {
        val header = encoded("png").copyOf(33)
        for (at in listOf(16, 20)) listOf(0, 0, 0x4E, 0x20).forEachIndexed { i, byte -> header[at + i] = byte.toByte() }
        val crc = java.util.zip
            .CRC32()
            .apply { update(header, 12, 17) }
            .value
        for (i in 0..3) header[29 + i] = (crc shr (24 - 8 * i)).toByte()
        assertTrue("20000×20000" in whyNot(header + encoded("png").drop(33)))
    }
}
