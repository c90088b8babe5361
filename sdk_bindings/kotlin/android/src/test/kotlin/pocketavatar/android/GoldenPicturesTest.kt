package pocketavatar.android

import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import pocketavatar.Buffers
import pocketavatar.SelfiePreprocessor
import pocketavatar.SystemAllocator
import pocketavatar.goldenFolder
import pocketavatar.parseJson
import pocketavatar.readSafetensors
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals

/** Android's decoders and the preprocessor agree with Python for pictures of every kind. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class GoldenPicturesTest {
    @Test
    fun `pictures of every kind are prepared as in Python`() {
        val golden = readSafetensors(goldenFolder.resolve("prepared.safetensors"))
        val all = parseJson(goldenFolder.resolve("prepared.json").readText()) as Map<*, *>
        val size = (all["size"] as Double).toInt()
        val off = (all["cases"] as List<*>).map { it as Map<*, *> }.associate {
            it["name"] to
                worst(it, golden.getValue(it["name"] as String).values, size)
        }
        // Android rounds 16 bits to 8. Python truncates.
        assertEquals(emptyMap(), off.filter { (name, worst) -> worst > (if ("16" in "$name") 2 else 1) / 255.0 })
    }

    private fun worst(case: Map<*, *>, expected: DoubleArray, size: Int): Double {
        val out = FloatBuffer.allocate(3 * size * size)
        val file = goldenFolder.resolve(case["file"] as String).readBytes()
        selfieOf(file).open().use { SelfiePreprocessor(size, Buffers(SystemAllocator)).prepare(it, out) }
        val rows = (0 until 3 * size).filter { it % size % (case["step"] as Double).toInt() == 1 }
        val own = rows.flatMap { row -> List(size) { out[row * size + it].toDouble() } }
        assertEquals(expected.size, own.size)
        return expected.indices.maxOf { abs(expected[it] - own[it]) }
    }
}
