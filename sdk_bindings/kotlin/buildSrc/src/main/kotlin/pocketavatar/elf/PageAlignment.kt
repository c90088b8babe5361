package pocketavatar.elf

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipFile

/** The page size of 16 KB, to which 64-bit libraries must be aligned from Android 15 on. */
const val PAGE: Long = 16_384

/** A native library and the smallest alignment of its segments, in bytes. */
class Alignment(
    val library: String,
    val alignment: Long,
) {
    override fun toString(): String = "$library ($alignment)"
}

/** Returns the alignments of the 64-bit native libraries in a zip archive (.aar, .apk, .jar). */
fun alignmentsIn(archive: File): List<Alignment> =
    ZipFile(archive).use { zip ->
        zip.entries().asSequence().filter { it.name.endsWith(".so") }.toList().mapNotNull { entry ->
            val bytes = zip.getInputStream(entry).use { it.readBytes() }
            alignmentOf(bytes)?.let { Alignment("${archive.name}/${entry.name}", it) }
        }
    }

/**
 * Returns the smallest `p_align` of the loadable segments of a 64-bit ELF file (System V ABI, chapter
 * 5, Program Header), or 0 if there is no such segment. It returns null for a 32-bit file, which never
 * runs with pages of 16 KB.
 *
 * @throws IllegalArgumentException it is not an ELF file, or is truncated.
 */
fun alignmentOf(elf: ByteArray): Long? {
    require(elf.size > 64 && elf.take(4) == listOf<Byte>(0x7F, 0x45, 0x4C, 0x46)) { "no ELF file" }
    if (elf[4] != CLASS_64) return null
    val order = if (elf[5] == LITTLE_ENDIAN) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN
    val bytes = ByteBuffer.wrap(elf).order(order)
    val table = bytes.getLong(32).toInt()
    val size = bytes.getShort(54).toInt()
    try {
        return (0 until bytes.getShort(56))
            .map { table + it * size }
            .filter { bytes.getInt(it) == LOADABLE }
            .minOfOrNull { bytes.getLong(it + 48) } ?: 0
    } catch (error: IndexOutOfBoundsException) {
        throw IllegalArgumentException("the ELF file is cut short", error)
    }
}

private const val CLASS_64: Byte = 2
private const val LITTLE_ENDIAN: Byte = 1
private const val LOADABLE = 1
