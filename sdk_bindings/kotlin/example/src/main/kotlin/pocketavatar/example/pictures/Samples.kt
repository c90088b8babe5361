package pocketavatar.example.pictures

import pocketavatar.PixelPicture
import java.awt.color.CMMException
import java.awt.color.ColorSpace
import java.awt.color.ICC_ColorSpace
import java.awt.color.ICC_Profile
import java.awt.image.BufferedImage
import java.awt.image.ColorConvertOp
import java.awt.image.DataBuffer
import java.awt.image.IndexColorModel
import java.awt.image.Raster
import java.io.IOException

/** Converts a decoded image to sRGB with the profile [embedded], or with the one that the decoder found. */
internal fun toPicture(image: BufferedImage, embedded: ICC_Profile?, orientation: Int): PixelPicture {
    val pixels = if (image.colorModel is IndexColorModel) palette(image) else samples(image)
    val found = (image.colorModel.colorSpace as? ICC_ColorSpace)?.takeUnless { it.isCS_sRGB }?.profile
    val profile = (embedded ?: found)?.takeIf { it.numComponents == 3 && image.colorModel.numColorComponents == 3 }
    if (profile != null) toSrgb(pixels, image.width, profile)
    return PixelPicture(image.width, image.height, pixels, orientation)
}

private fun palette(image: BufferedImage): IntArray =
    image.getRGB(0, 0, image.width, image.height, null, 0, image.width)

/** Returns the high bytes of the stored samples. `getRGB` would treat grey values as linear light. */
private fun samples(image: BufferedImage): IntArray {
    val raster = image.raster
    val bands = raster.numBands
    val colours = image.colorModel.numColorComponents
    if (colours != 1 && colours != 3) throw IOException("$colours colours, expected grey or RGB")
    val shift = if (raster.dataBuffer.dataType == DataBuffer.TYPE_USHORT) 8 else 0
    val row = IntArray(image.width * bands)
    val pixels = IntArray(image.width * image.height)
    for (y in 0 until image.height) {
        raster.getPixels(0, y, image.width, 1, row)
        for (x in 0 until image.width) {
            fun sample(band: Int) = row[x * bands + band] shr shift
            val alpha = if (bands > colours) sample(bands - 1) else 255
            val (red, green, blue) = List(3) { sample(if (colours == 1) 0 else it) }
            pixels[y * image.width + x] = (alpha shl 24) or (red shl 16) or (green shl 8) or blue
        }
    }
    row.fill(0)
    return pixels
}

/** Converts [pixels] to sRGB in place. Alpha does not change. A profile that cannot be applied is ignored. */
private fun toSrgb(pixels: IntArray, width: Int, profile: ICC_Profile) {
    val height = pixels.size / width
    val from = Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, width, height, 3, null)
    val to = from.createCompatibleWritableRaster()
    val row = IntArray(3 * width)
    for (y in 0 until height) {
        for (i in row.indices) row[i] = pixels[y * width + i / 3] shr (16 - 8 * (i % 3)) and 255
        from.setPixels(0, y, width, 1, row)
    }
    try {
        ColorConvertOp(arrayOf(profile, ICC_Profile.getInstance(ColorSpace.CS_sRGB)), null).filter(from, to)
    } catch (_: CMMException) {
        return
    }
    for (y in 0 until height) {
        to.getPixels(0, y, width, 1, row)
        for (x in 0 until width) {
            val at = y * width + x
            pixels[at] =
                (pixels[at] and (255 shl 24)) or (row[3 * x] shl 16) or (row[3 * x + 1] shl 8) or row[3 * x + 2]
        }
    }
}
