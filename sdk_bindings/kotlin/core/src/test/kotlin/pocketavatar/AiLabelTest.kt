package pocketavatar

import org.junit.Assume.assumeTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class AiLabelTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val pixels = IntArray(40 * 30) { (255 shl 24) or (it * 4711 and 0xFFFFFF) }
    private val avatar = Avatar(0, 7u, freeStyle, 40, 30, pixels)

    private fun jpeg(): ByteArray {
        val image = BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB)
        return ByteArrayOutputStream().also { ImageIO.write(image, "jpeg", it) }.toByteArray()
    }

    @Test
    fun `the packet is the same in every language`() {
        val golden = goldenFolder.resolve("label.xmp")
        assumeTrue("no golden vectors", golden.exists())
        assertContentEquals(golden.readBytes(), XMP_PACKET.toByteArray())
    }

    @Test
    fun `a labelled PNG holds the pixels as they are`() {
        val image = ImageIO.read(avatar.png().inputStream())
        assertEquals(40 to 30, image.width to image.height)
        assertContentEquals(pixels, image.argb())
    }

    @Test
    fun `a labelled JPEG is still the picture`() {
        val labelled = AiLabel.inJpeg(jpeg())
        assertContentEquals(ImageIO.read(jpeg().inputStream()).argb(), ImageIO.read(labelled.inputStream()).argb())
    }

    @Test
    fun `exiftool reads the label of both`() {
        val files =
            mapOf("a.png" to avatar.png(), "a.jpg" to AiLabel.inJpeg(jpeg())).map { (name, bytes) ->
                folder.newFile(name).apply { writeBytes(bytes) }
            }
        for (file in files) assertEquals(AiLabel.DIGITAL_SOURCE_TYPE, exiftool("-DigitalSourceType", file))
        assertEquals(AiLabel.COMMENT, exiftool("-PNG:Comment", files.first()))
        for (file in files) assertEquals("", exiftool("-Warning", file))
    }

    private fun exiftool(tag: String, file: File): String {
        val process =
            try {
                ProcessBuilder("exiftool", "-s3", "-n", tag, file.path).redirectErrorStream(true).start()
            } catch (_: IOException) {
                null
            }
        assumeTrue("no exiftool", process != null)
        return checkNotNull(process)
            .inputStream
            .bufferedReader()
            .readText()
            .trim()
    }

    @Test
    fun `only PNG and JPEG are labelled`() {
        for (bytes in listOf(ByteArray(0), "GIF89a......".toByteArray(), avatar.png().copyOf(20))) {
            assertFailsWith<IllegalArgumentException> { AiLabel.inPng(bytes) }
            assertFailsWith<IllegalArgumentException> { AiLabel.inJpeg(bytes) }
        }
    }

    @Test
    fun `an avatar can be wiped`() {
        val own = Avatar(0, 7u, freeStyle, 1, 1, intArrayOf(-1))
        own.wipe()
        assertEquals(0, own.pixels.single())
    }
}
