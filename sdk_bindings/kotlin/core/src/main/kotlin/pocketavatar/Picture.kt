package pocketavatar

import java.io.IOException

/**
 * The pixels of one decoded picture, in 8-bit sRGB. The studio reads a row at a time and closes it
 * soon, so a large photograph need not lie in memory twice.
 */
public interface Picture : AutoCloseable {
    /** As stored, in pixels. */
    public val width: Int

    /** As stored, in pixels. */
    public val height: Int

    /** What makes the stored pixels upright, 1 to 8 (EXIF 2.32, 4.6.4 A, Orientation). */
    public val orientation: Int

    /**
     * Writes [count] stored pixels of row [y], from column [left] on, to the start of [into], each
     * `0xAARRGGBB`, not multiplied by alpha.
     */
    public fun readRow(left: Int, y: Int, count: Int, into: IntArray)

    /** Frees the pixels, and makes them 0 where that is possible. */
    override fun close()

    public companion object {
        /** The largest picture, in pixels: a phone's 108 megapixels and no more. */
        public const val MAX_PIXELS: Long = 120_000_000

        /**
         * For decoders, once the header is read.
         *
         * @throws IOException the picture is empty or too large to be decoded.
         */
        public fun checkSize(width: Int, height: Int) {
            if (width < 1 || height < 1) throw IOException("not a picture, or broken")
            if (width.toLong() * height > MAX_PIXELS) {
                throw IOException(
                    "$width×$height pixels, more than the ${MAX_PIXELS / 1_000_000} million allowed",
                )
            }
        }
    }
}

/** A picture that is one array; [close] makes the array 0. */
public class PixelPicture(
    override val width: Int,
    override val height: Int,
    /** Row by row from the top, each `0xAARRGGBB`. */
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

/**
 * One selfie, decoded only when its turn comes.
 *
 * On Android `selfieOf(…)` makes one of a content URI, of bytes or of a bitmap; elsewhere decode
 * however you like, for example to a [PixelPicture].
 */
public fun interface Selfie {
    /**
     * Decodes the picture; the caller closes it. May be called more than once.
     *
     * @throws IOException with what is wrong: not a picture, broken, too large, gone. The app meets it,
     *   or whatever else is thrown, as [AvatarException.UnreadablePicture].
     */
    public fun open(): Picture
}

/** Width of the upright picture. */
internal val Picture.uprightWidth: Int get() = if (orientation >= 5) height else width

/** Height of the upright picture. */
internal val Picture.uprightHeight: Int get() = if (orientation >= 5) width else height
