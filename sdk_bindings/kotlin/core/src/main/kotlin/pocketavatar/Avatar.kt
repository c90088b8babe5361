package pocketavatar

/**
 * One finished avatar. Show [AiLabel.CAPTION] wherever people see it, and hand it out by [png] or
 * through [AiLabel]: that is what tells others that it is AI-made.
 */
public class Avatar(
    /** Which one of its run, from 0. */
    public val index: Int,
    /** The seed that gives this very avatar again, from the same selfies, style and steps. */
    public val seed: ULong,
    /** Its style; [Style.credit] is what its licence asks an app to show. */
    public val style: Style,
    /** In pixels. */
    public val width: Int,
    /** In pixels. */
    public val height: Int,
    /**
     * sRGB, row by row from the top, each `0xFFRRGGBB` as Android's `Bitmap.setPixels` takes it. The
     * studio keeps no copy.
     */
    public val pixels: IntArray,
) {
    init {
        require(pixels.size == width * height) { "${pixels.size} pixels, expected $width×$height" }
    }

    /** As a PNG file that says, in the IPTC's field and in words, that it is AI-made. */
    public fun png(): ByteArray = AiLabel.inPng(Png.encode(width, height, pixels))

    /** Makes every pixel 0, for an app that is done with it. */
    public fun wipe(): Unit = pixels.fill(0)
}
