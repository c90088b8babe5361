package pocketavatar

import java.io.IOException

/**
 * A decoded picture in 8-bit sRGB: the pixels of a selfie, and the input of a face detector.
 *
 * The studio reads one row at a time and closes the picture soon, so a large photograph is not in
 * memory twice.
 */
public interface Picture : AutoCloseable {
    /** The width of the stored picture in pixels. */
    public val width: Int

    /** The height of the stored picture in pixels. */
    public val height: Int

    /** The EXIF orientation of the stored pixels, 1 to 8 (EXIF 2.32, 4.6.4 A). */
    public val orientation: Int

    /**
     * Writes [count] stored pixels of row [y], starting at column [left], to the start of [into]. Each
     * is `0xAARRGGBB` and not premultiplied.
     */
    public fun readRow(left: Int, y: Int, count: Int, into: IntArray)

    /** Releases the pixels, and sets them to 0 if that is possible. */
    override fun close()

    public companion object {
        /**
         * The largest number of pixels that a selfie may have. Phones take pictures of up to 108
         * megapixels.
         */
        public const val MAX_PIXELS: Long = 120_000_000

        /**
         * Checks the size of a picture. Decoders call it when they have read the header.
         *
         * @throws IOException the picture is empty or too large to be decoded.
         */
        public fun checkSize(width: Int, height: Int) {
            if (width < 1 || height < 1) throw IOException("the file is not a picture, or is damaged")
            if (width.toLong() * height > MAX_PIXELS) {
                throw IOException(
                    "$width×$height pixels, more than the ${MAX_PIXELS / 1_000_000} million allowed",
                )
            }
        }
    }
}

/** A picture whose pixels are in one array. [close] sets the array to 0. */
public class PixelPicture(
    override val width: Int,
    override val height: Int,
    /** The pixels, row by row from the top, each `0xAARRGGBB`. */
    private val pixels: IntArray,
    override val orientation: Int = 1,
) : Picture {
    init {
        require(pixels.size == width * height) { "${pixels.size} pixels, expected $width×$height" }
        require(orientation in 1..8) { "orientation $orientation, expected 1 to 8" }
    }

    override fun readRow(left: Int, y: Int, count: Int, into: IntArray) {
        pixels.copyInto(into, 0, y * width + left, y * width + left + count)
    }

    override fun close(): Unit = pixels.fill(0)
}

/** The width of the upright picture in pixels. */
internal val Picture.uprightWidth: Int get() = if (orientation >= 5) height else width

/** The height of the upright picture in pixels. */
internal val Picture.uprightHeight: Int get() = if (orientation >= 5) width else height
