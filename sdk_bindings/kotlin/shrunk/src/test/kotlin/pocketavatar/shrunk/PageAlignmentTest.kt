package pocketavatar.shrunk

import org.junit.Rule
import org.junit.rules.TemporaryFolder
import pocketavatar.elf.PAGE
import pocketavatar.elf.alignmentOf
import pocketavatar.elf.alignmentsIn
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue

class PageAlignmentTest {
    @get:Rule
    val folder = TemporaryFolder()

    /** A 64-bit ELF file with segments of these types and alignments. */
    private fun elf(vararg segments: Pair<Int, Long>): ByteArray {
        val bytes = ByteBuffer.allocate(64 + 56 * segments.size).order(ByteOrder.LITTLE_ENDIAN)
        bytes.put(byteArrayOf(0x7F, 0x45, 0x4C, 0x46, 2, 1, 1))
        bytes.putLong(32, 64).putShort(54, 56).putShort(56, segments.size.toShort())
        segments.forEachIndexed {
            i,
            (type, alignment),
            ->
            bytes.putInt(64 + 56 * i, type).putLong(112 + 56 * i, alignment)
        }
        return bytes.array()
    }

    @Test
    fun `the smallest alignment of a loaded segment counts`() {
        assertEquals(PAGE, alignmentOf(elf(1 to PAGE, 1 to 65_536, 2 to 8)))
        assertEquals(4096, alignmentOf(elf(1 to PAGE, 1 to 4096)))
    }

    @Test
    fun `32-bit libraries do not matter, and a file that is no library is named`() {
        assertNull(alignmentOf(elf(1 to 4096L).also { it[4] = 1 }))
        assertFailsWith<IllegalArgumentException> { alignmentOf("no library at all".toByteArray()) }
        assertFailsWith<IllegalArgumentException> { alignmentOf(elf(1 to PAGE, 1 to PAGE).copyOf(100)) }
    }

    @Test
    fun `libraries are found in archives, a real one too`() {
        val archive = folder.newFile("a.aar")
        ZipOutputStream(archive.outputStream()).use { zip ->
            for ((name, alignment) in mapOf("jni/arm64-v8a/a.so" to PAGE, "jni/x86_64/b.so" to 4096L)) {
                zip.putNextEntry(ZipEntry(name))
                zip.write(elf(1 to alignment))
            }
        }
        assertEquals(
            listOf("a.aar/jni/x86_64/b.so (4096)"),
            alignmentsIn(archive).filter { it.alignment < PAGE }.map { "$it" },
        )

        val runtime = File(System.getProperty("sdk.root"), "shrunk/target/program/onnxruntime.jar")
        val real = alignmentsIn(runtime)
        assertTrue(real.size >= 2 && real.all { it.alignment >= 4096 }, "$real")
    }
}
