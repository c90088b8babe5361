package pocketavatar

/**
 * A finished avatar in 8-bit sRGB. It belongs to the app: the library keeps no reference to it.
 *
 * Show [AiLabel.DISCLOSURE] wherever people see it. Share it as a file of [png] or [AiLabel], because
 * the label in the file tells others that it is AI-generated.
 */
public class Avatar(
    /** The index of this avatar within its run, from 0. */
    public val index: Int,
    /** The seed that draws this avatar again from the same selfies, style and steps. */
    public val seed: ULong,
    /** The style that it is drawn in. Its licence may require an app to show [AvatarStyle.credit]. */
    public val style: AvatarStyle,
    /** The width in pixels. */
    public val width: Int,
    /** The height in pixels. */
    public val height: Int,
    /**
     * The pixels in sRGB, row by row from the top, each `0xFFRRGGBB` as Android's `Bitmap.setPixels`
     * takes it.
     */
    public val pixels: IntArray,
) {
    init {
        require(pixels.size == width * height) { "${pixels.size} pixels, expected $width×$height" }
    }

    /** Encodes the avatar as a PNG file that is labelled as AI-generated ([AiLabel]). */
    public fun png(): ByteArray = AiLabel.inPng(Png.encode(width, height, pixels))

    /** Sets every pixel to 0. An app can call it when it no longer needs the avatar. */
    public fun wipe(): Unit = pixels.fill(0)
}
