package pocketavatar.android

import java.io.IOException
import java.io.InputStream
import kotlin.math.min
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class SelfiesTest {
    private val file = Random(1).nextBytes(200_000)
    private val parts = ArrayList<ByteArray>()

    /** Returns a stream that delivers [bytes] in small parts, as a pipe does, and then calls [end]. */
    private class Pipe(
        private val bytes: ByteArray,
        private val end: () -> Int = { -1 },
    ) : InputStream() {
        private var at = 0

        override fun read(): Int = error("byte by byte")

        override fun read(into: ByteArray, from: Int, most: Int): Int {
            if (at == bytes.size) return end()
            val count = min(min(most, 7001), bytes.size - at)
            bytes.copyInto(into, from, at, at + count)
            at += count
            return count
        }
    }

    private fun assertWiped(count: Int) {
        assertEquals(count, parts.size)
        assertTrue(parts.all { part -> part.all { it == 0.toByte() } })
    }

    @Test
    fun `a stream is read whole, and its parts are 0 afterwards`() {
        for (size in listOf(0, 1, 65_535, 65_536, 65_537, file.size)) {
            parts.clear()
            assertContentEquals(file.copyOf(size), readAll(Pipe(file.copyOf(size)), parts), "$size bytes")
            assertWiped(size / 65_536 + 1)
        }
    }

    @Test
    fun `its parts are 0 after reading fails`() {
        val gone =
            Pipe(file) {
                assertTrue(parts.all { part -> part.any { it != 0.toByte() } }, "nothing was read")
                throw IOException("gone")
            }
        assertFailsWith<IOException> { readAll(gone, parts) }
        assertWiped(4)
    }

    @Test
    fun `a file that is too large is not read to its end`() {
        val endless = Pipe(ByteArray(0)) { 65_536 }
        val error = assertFailsWith<IOException> { readAll(endless, parts) }
        assertEquals("more than 128 MiB", error.message)
    }
}
