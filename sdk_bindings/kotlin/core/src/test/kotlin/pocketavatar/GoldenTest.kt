package pocketavatar

import kotlinx.coroutines.runBlocking
import pocketavatar.example.pictures.ImageFile
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** The library agrees with Python's golden vectors within the bounds in `golden/README.md`. */
class GoldenTest {
    private fun json(name: String) = parseJson(goldenFolder.resolve(name).readText()) as Map<*, *>

    private fun cases(name: String) = (json(name)["cases"] as List<*>).map { it as Map<*, *> }

    private fun tensors(name: String) = readSafetensors(goldenFolder.resolve(name))

    private fun assertClose(expected: DoubleArray, actual: FloatBuffer, within: Double, what: String) {
        assertEquals(expected.size, actual.capacity(), what)
        val worst = expected.indices.maxOf { abs(expected[it] - actual[it]) }
        assertTrue(worst <= within, "$what: off by $worst")
    }

    @Test
    fun `noise agrees with Python for more than 50 seeds`() {
        val golden = tensors("noise.safetensors")
        assertTrue(golden.keys.count { it.startsWith("seed_") } >= 50)
        for ((name, tensor) in golden) {
            val noise = FloatBuffer.allocate(tensor.values.size)
            fillNoise(name.substringAfter('_').toULong(), noise)
            assertClose(tensor.values, noise, 2e-6, name)
        }
    }

    @Test
    fun `pictures of every kind are prepared as in Python`() {
        val golden = tensors("prepared.safetensors")
        for (case in cases("prepared.json")) {
            val name = case["name"] as String
            val step = (case["step"] as Double).toInt()
            val prepared = prepared(case["file"] as String)
            val rows = (0 until 3 * 128).filter { it % 128 % step == 1 }
            val part = FloatBuffer.allocate(rows.size * 128)
            for (row in rows) for (x in 0 until 128) part.put(prepared[row * 128 + x])
            assertClose(golden.getValue(name).values, part, 1 / 255.0, name)
        }
    }

    private fun prepared(file: String): FloatBuffer {
        val out = FloatBuffer.allocate(3 * 128 * 128)
        ImageFile
            .open(
                goldenFolder.resolve(file),
            ).use { SelfiePreprocessor(128, Buffers(SystemAllocator)).prepare(it, out) }
        return out
    }

    @Test
    fun `selfies are measured as in Python`() {
        for (case in cases("rules.json")) {
            val all = (case["measures"] as List<*>).map { it as Map<*, *> }
            for ((i, file) in (case["selfies"] as List<*>).withIndex()) {
                val picture = ImageFile.open(goldenFolder.resolve(file as String))
                val ofPicture = measuresOf(picture, faces(case)?.get(i))
                val own = ofPicture + measuresOf(prepared(file), 128, Buffers(SystemAllocator))
                for ((rule, value) in own) {
                    assertEquals(
                        all[i][rule.id] as Double,
                        value,
                        1e-3,
                        "${case["name"]}, $file, $rule",
                    )
                }
                assertEquals(all[i].keys - "difference", own.keys.map { it.id }.toSet())
            }
        }
    }

    @Test
    fun `selfies are refused as in Python`() {
        for (case in cases("rules.json")) {
            val faces = faces(case)?.iterator()
            val options = StudioOptions(FakeBackend(), faceDetector = faces?.let { FaceDetector { _ -> it.next() } })
            val selfies = (case["selfies"] as List<*>).map {
                Selfie {
                    ImageFile.open(
                        goldenFolder.resolve(it as String),
                    )
                }
            }
            val own = runBlocking { studio(options = options).check(selfies) }
            val golden = (case["refusals"] as List<*>).map { it as Map<*, *> }
            val what = "${case["name"]}: $own"
            assertEquals(golden.map { it["rule"] }, own.map { it.rule.id }, what)
            for ((expected, actual) in golden zip own) {
                assertEquals((expected["selfie"] as Double?)?.toInt(), actual.selfie, what)
                assertEquals((expected["earlier"] as Double?)?.toInt(), actual.earlier, what)
                assertEquals(expected["value"] as Double, actual.value, 1e-3, what)
                assertEquals(expected["limit"] as Double, actual.limit, 1e-9, what)
            }
        }
    }

    private fun faces(case: Map<*, *>): List<List<Face>>? =
        (case["faces"] as List<*>?)?.map { selfie ->
            (selfie as List<*>).map { face ->
                val (left, top, width, height) = listOf(
                    "left",
                    "top",
                    "width",
                    "height",
                ).map { (face as Map<*, *>)[it] as Double }
                Face(left, top, width, height)
            }
        }

    /** The toy denoiser is 0.5·latents + 0.25·timestep/1000 + mean(identity_tokens) + 0.125·style. */
    @Test
    fun `the sampling loop agrees with Python`() {
        val golden = tensors("sampler.safetensors")
        val identity = golden.getValue("identity_tokens").values.average()
        val nullTokens = golden.getValue("null_tokens").values.average()
        for (case in cases("sampler.json")) {
            val name = case["name"] as String
            val style = case["style"] as Double
            val latents = FloatBuffer.wrap(
                golden
                    .getValue("noise")
                    .values
                    .map(Double::toFloat)
                    .toFloatArray(),
            )

            fun toy(time: Float, tokens: Double) =
                FloatBuffer.wrap(
                    FloatArray(
                        latents.capacity(),
                    ) { (0.5 * latents[it] + 0.25 * time / 1000 + tokens + 0.125 * style).toFloat() },
                )
            sample(table(case), latents, { toy(it, identity) }, { toy(it, nullTokens) }, {})
            assertClose(golden.getValue(name).values, latents, 1e-5, name)
        }
    }

    private fun table(case: Map<*, *>): SamplerTable {
        fun floats(name: String) = (case[name] as List<*>).map { (it as Double).toFloat() }
        val guidance = (case["guidance"] as Double).toFloat()
        return SamplerTable(case["prediction"] as String, guidance, floats("timesteps"), floats("sigmas"))
    }

    @Test
    fun `8-bit rounding agrees with Python`() {
        val golden = tensors("eight_bit.safetensors")
        val floats = golden.getValue("floats").values.map(Double::toFloat)
        val planes = FloatBuffer.wrap(FloatArray(3 * floats.size) { floats[it % floats.size] })
        assertEquals(golden.getValue("bytes").values.map(Double::toInt), pixelsOf(planes).map { it and 255 })
    }
}
