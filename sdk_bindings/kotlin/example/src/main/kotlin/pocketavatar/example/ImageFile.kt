package pocketavatar.example

import pocketavatar.Picture
import pocketavatar.PixelPicture
import java.awt.image.BufferedImage
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO
import javax.imageio.ImageReader
import javax.imageio.event.IIOReadWarningListener

/** Picture files by the JDK's own decoders: PNG and JPEG, the latter's colours by its profile. */
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

    private fun decode(bytes: ByteArray): Picture {
        val stream = ImageIO.createImageInputStream(bytes.inputStream())
        stream.use {
            val readers = ImageIO.getImageReaders(stream)
            if (!readers.hasNext()) throw IOException("not a PNG or JPEG picture")
            val reader = readers.next()
            try {
                reader.setInput(stream, true, true)
                Picture.checkSize(reader.getWidth(0), reader.getHeight(0))
                return toPicture(readWhole(reader), exifOrientation(bytes))
            } finally {
                reader.dispose()
            }
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

    private fun toPicture(image: BufferedImage, orientation: Int): Picture {
        val pixels = image.getRGB(0, 0, image.width, image.height, null, 0, image.width)
        return PixelPicture(image.width, image.height, pixels, orientation)
    }
}
