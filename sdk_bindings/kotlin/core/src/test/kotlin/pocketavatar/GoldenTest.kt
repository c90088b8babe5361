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
            NoiseStream(name.substringAfter('_').toULong()).fill(noise)
            assertClose(tensor.values, noise, 2e-6, name)
        }
    }

    @Test
    fun `noise goes on as in Python, whatever the sizes`() {
        val golden = tensors("streams.safetensors")
        for (seed in golden.keys.map { it.substringBefore('.') }.distinct()) {
            val stream = NoiseStream(seed.toULong())
            for (draw in 0 until golden.keys.count { it.startsWith("$seed.") }) {
                val expected = golden.getValue("$seed.$draw").values
                val noise = FloatBuffer.allocate(expected.size).also(stream::fill)
                assertClose(expected, noise, 2e-6, "draw $draw of seed $seed")
            }
        }
    }

    @Test
    fun `pictures of every kind are prepared as in Python`() {
        val golden = tensors("prepared.safetensors")
        val size = number(json("prepared.json"), "size")
        for (case in cases("prepared.json")) {
            val name = case["name"] as String
            val step = (case["step"] as Double).toInt()
            val prepared = prepared(case["file"] as String, size)
            val rows = (0 until 3 * size).filter { it % size % step == 1 }
            val part = FloatBuffer.allocate(rows.size * size)
            for (row in rows) for (x in 0 until size) part.put(prepared[row * size + x])
            assertClose(golden.getValue(name).values, part, 1 / 255.0, name)
        }
    }

    @Test
    fun `aligned crops agree with Python`() {
        val golden = tensors("aligned.safetensors")
        for (case in cases("aligned.json")) {
            val size = number(case, "size")
            val points =
                (case["landmarks"] as List<*>).map { it as List<*> }.map { (x, y) ->
                    FaceLandmarks.Point(x as Double, y as Double)
                }
            val (leftEye, rightEye, nose, leftMouth, rightMouth) = points
            val face = FaceLandmarks(leftEye, rightEye, nose, leftMouth, rightMouth)
            val crop = FloatBuffer.allocate(3 * size * size)
            ImageFile.open(goldenFolder.resolve(case["file"] as String)).use { picture ->
                AlignedCrop(size, Buffers(SystemAllocator)).prepare(picture, face, crop)
            }
            val name = case["name"] as String
            assertClose(golden.getValue(name).values, crop, 1 / 255.0, name)
        }
    }

    private fun number(values: Map<*, *>, name: String) = (values[name] as Double).toInt()

    private fun prepared(file: String, size: Int): FloatBuffer {
        val out = FloatBuffer.allocate(3 * size * size)
        ImageFile
            .open(
                goldenFolder.resolve(file),
            ).use { SelfiePreprocessor(size, Buffers(SystemAllocator)).prepare(it, out) }
        return out
    }

    @Test
    fun `selfies are measured as in Python`() {
        val size = number(json("rules.json"), "size")
        for (case in cases("rules.json")) {
            val all = (case["measures"] as List<*>).map { it as Map<*, *> }
            for ((i, file) in (case["selfies"] as List<*>).withIndex()) {
                val picture = ImageFile.open(goldenFolder.resolve(file as String))
                val ofPicture = measuresOf(picture, faces(case)?.get(i))
                val own = ofPicture + measuresOf(prepared(file, size), size, Buffers(SystemAllocator))
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
        val golden = golden()
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
            val own = runBlocking { studio(golden, options).check(selfies) }
            val expected = (case["refusals"] as List<*>).map { it as Map<*, *> }
            val what = "${case["name"]}: $own"
            assertEquals(expected.map { it["rule"] }, own.map { it.rule.id }, what)
            for ((wanted, actual) in expected zip own) {
                assertEquals((wanted["selfie"] as Double?)?.toInt(), actual.selfie, what)
                assertEquals((wanted["earlier"] as Double?)?.toInt(), actual.earlier, what)
                assertEquals(wanted["value"] as Double, actual.value, 1e-3, what)
                assertEquals(wanted["limit"] as Double, actual.limit, 1e-9, what)
            }
        }
    }

    /** The bundled manifest with the golden rules, and an encoder for selfies of their size and number. */
    private fun golden(): Manifest {
        val all = json("rules.json")
        val (places, size) = listOf("places", "size").map { number(all, it) }
        val inputs =
            listOf(TensorSpec("selfies", listOf(places, 3, size, size)), TensorSpec("selfie_mask", listOf(places)))
        val encoder = Component("identity_encoder", "", inputs, emptyList())
        val rules =
            (all["rules"] as List<*>).map { it as Map<*, *> }.map { rule ->
                val known = SelfieRule.entries.single { it.id == rule["name"] }
                RuleLimits(known, rule["min"] as Double?, rule["max"] as Double?, rule["about"] as String)
            }
        val others = testManifest.components.filter { it.name != encoder.name }
        return testManifest.with(components = listOf(encoder) + others, rules = rules)
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
            val stream = NoiseStream(number(case, "seed").toULong())
            val count = (case["latents"] as List<*>).fold(1) { product, extent -> product * (extent as Double).toInt() }
            val latents = FloatBuffer.allocate(count).also(stream::fill)
            val fresh = FloatBuffer.allocate(count)

            fun toy(time: Float, tokens: Double) =
                FloatBuffer.wrap(
                    FloatArray(
                        latents.capacity(),
                    ) { (0.5 * latents[it] + 0.25 * time / 1000 + tokens + 0.125 * style).toFloat() },
                )
            sample(
                table(case),
                latents,
                { toy(it, identity) },
                { toy(it, nullTokens) },
                { fresh.also(stream::fill) },
                {},
            )
            assertClose(golden.getValue(name).values, latents, 1e-5, name)
        }
    }

    private fun table(case: Map<*, *>): SamplerTable {
        fun floats(name: String) = (case[name] as List<*>?).orEmpty().map { (it as Double).toFloat() }
        return SamplerTable(
            prediction = case["prediction"] as String,
            guidance = (case["guidance"] as Double).toFloat(),
            timesteps = floats("timesteps"),
            sigmas = floats("sigmas"),
            downs = floats("downs"),
            noises = floats("noises"),
        )
    }

    @Test
    fun `previews of latents agree with Python`() {
        val golden = tensors("preview.safetensors")
        val latents = golden.getValue("latents")
        val offset = golden.getValue("offset").values.map(Double::toFloat)
        val matrix = golden
            .getValue("matrix")
            .values
            .map(Double::toFloat)
            .chunked(3)
        val values = FloatBuffer.wrap(FloatArray(latents.values.size) { latents.values[it].toFloat() })
        val preview = LatentPreview(matrix, offset)
        assertTrue(preview.fits(latents.shape))
        val picture = preview.picture(values, latents.shape)
        assertEquals(latents.shape.takeLast(2), listOf(picture.height, picture.width))
        val levels = picture.pixels.flatMap { listOf(it shr 16 and 255, it shr 8 and 255, it and 255) }
        val expected = golden.getValue("pixels").values
        assertEquals(expected.size, levels.size)
        for (i in expected.indices) assertEquals(expected[i], levels[i].toDouble(), 1.0, "at $i")
    }

    @Test
    fun `8-bit rounding agrees with Python`() {
        val golden = tensors("eight_bit.safetensors")
        val floats = golden.getValue("floats").values.map(Double::toFloat)
        val planes = FloatBuffer.wrap(FloatArray(3 * floats.size) { floats[it % floats.size] })
        assertEquals(golden.getValue("bytes").values.map(Double::toInt), pixelsOf(planes).map { it and 255 })
    }
}
