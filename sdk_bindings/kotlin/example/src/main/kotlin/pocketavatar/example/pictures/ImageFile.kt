package pocketavatar.example.pictures

import pocketavatar.Picture
import java.awt.image.BufferedImage
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO
import javax.imageio.ImageReader
import javax.imageio.event.IIOReadWarningListener

/** PNG and JPEG files by the JDK's own decoders, upright and in sRGB as the selfies' law says. */
internal object ImageFile {
    init {
        ImageIO.setUseCache(false) // it would be a file
    }

    /** The decoded picture; throws [IOException] with what is wrong. */
    fun open(file: File): Picture {
        if (!file.isFile) throw IOException("$file is no file")
        val bytes = file.readBytes()
        try {
            return decode(bytes)
        } catch (error: RuntimeException) {
            throw IOException("the picture is damaged", error) // what decoders throw on such files
        } finally {
            bytes.fill(0)
        }
    }

    private fun decode(bytes: ByteArray): Picture =
        ImageIO.createImageInputStream(bytes.inputStream()).use { stream ->
            val readers = ImageIO.getImageReaders(stream)
            if (!readers.hasNext()) throw IOException("not a PNG or JPEG picture")
            val reader = readers.next()
            try {
                if (reader.formatName !in FORMATS) throw IOException("not a PNG or JPEG picture")
                reader.setInput(stream, true, true)
                Picture.checkSize(reader.getWidth(0), reader.getHeight(0))
                toPicture(readWhole(reader), iccProfileIn(bytes), exifOrientation(bytes))
            } finally {
                reader.dispose()
            }
        }

    /** The JPEG decoder only warns of a file that was cut short. */
    private fun readWhole(reader: ImageReader): BufferedImage {
        var warning: String? = null
        reader.addIIOReadWarningListener(IIOReadWarningListener { _, text -> warning = text })
        val image = reader.read(0)
        warning?.let { throw IOException("the picture is damaged: $it") }
        return image
    }

    private val FORMATS = setOf("png", "JPEG")
}
