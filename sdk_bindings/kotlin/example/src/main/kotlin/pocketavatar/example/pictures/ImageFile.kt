package pocketavatar.example.pictures

import pocketavatar.Picture
import java.awt.image.BufferedImage
import java.io.File
import java.io.IOException
import javax.imageio.ImageIO
import javax.imageio.ImageReader
import javax.imageio.event.IIOReadWarningListener

/** Decodes PNG and JPEG files with the decoders of the JDK, to pixels in sRGB with an EXIF orientation. */
internal object ImageFile {
    init {
        ImageIO.setUseCache(false) // The cache would be a file.
    }

    /**
     * Decodes a picture.
     *
     * @throws IOException the file does not exist, is not a picture, or is damaged.
     */
    fun open(file: File): Picture {
        if (!file.isFile) throw IOException("there is no file $file")
        val bytes = file.readBytes()
        try {
            return decode(bytes)
        } catch (error: RuntimeException) {
            // The decoders throw various runtime exceptions for damaged files.
            throw IOException("the picture is damaged", error)
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

    /** Reads the image. It converts warnings to errors, because the JPEG decoder only warns of a truncated file. */
    private fun readWhole(reader: ImageReader): BufferedImage {
        var warning: String? = null
        reader.addIIOReadWarningListener(IIOReadWarningListener { _, text -> warning = text })
        val image = reader.read(0)
        warning?.let { throw IOException("the picture is damaged: $it") }
        return image
    }

    private val FORMATS = setOf("png", "JPEG")
}
