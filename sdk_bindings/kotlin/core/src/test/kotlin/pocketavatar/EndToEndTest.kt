package pocketavatar

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlin.math.floor
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** The shipped model in the real runtime agrees with what Python recorded at export. */
class EndToEndTest {
    @Test
    fun `every component gives what the reference gave`() {
        val artifact = Artifact(Bundled.manifest, DirectorySource(artifactFolder()))
        for (component in Bundled.manifest.components) {
            val golden = artifactGolden("${component.name}.safetensors")
            val cases = golden.keys.map { it.substringBefore('.') }.distinct()
            assertTrue(cases.isNotEmpty())
            OnnxRuntimeBackend().load(component) { artifact.read(component.path) }.use { runner ->
                for (case in cases) {
                    assertTrue(
                        psnrOf(component, runner, golden, case) >= 55,
                        "${component.name}, case $case",
                    )
                }
            }
        }
    }

    private fun psnrOf(component: Component, runner: Runner, golden: Map<String, GoldenTensor>, case: String): Double {
        val buffers = Buffers(SystemAllocator)
        val inputs = component.inputs.associate { it.name to buffers.tensor(it) }
        for ((name, tensor) in inputs) {
            val values = golden.getValue("$case.inputs.$name").values
            for ((i, value) in values.withIndex()) {
                if (tensor.spec.elementType ==
                    ElementType.INT32
                ) {
                    tensor.ints.put(i, value.toInt())
                } else {
                    tensor.floats.put(i, value.toFloat())
                }
            }
        }
        val outputs = component.outputs.associate { it.name to buffers.tensor(it) }
        runner.run(inputs, outputs)
        val (name, tensor) = outputs.entries.single()
        val expected = golden.getValue("$case.outputs.$name").values
        val peak = if (component.name == "decoder") 1.0 else expected.maxOf { kotlin.math.abs(it) }
        val actual = tensor.floats.toDoubles()
        return psnr(expected.map { it / peak }.toDoubleArray(), actual.map { it / peak }.toDoubleArray())
    }

    @Test
    fun `the golden run gives the reference's avatar`() {
        val golden = artifactGolden("run.safetensors")
        val selfies = selfies(golden)
        val style = AvatarStyle.entries[
            golden
                .getValue("0.inputs.style")
                .values
                .single()
                .toInt(),
        ]
        val options = StudioOptions(backend = OnnxRuntimeBackend(threads = 1))
        val manifest = Bundled.manifest.with(rules = emptyList())
        val events =
            runBlocking {
                AvatarStudio.open(manifest, DirectorySource(artifactFolder()), options).use { studio ->
                    studio.avatars(selfies, style, seed = 0u, entitlement = Tier.PLUS).toList()
                }
            }
        val avatar = events.filterIsInstance<AvatarEvent.Drawn>().single().avatar
        assertEquals(
            Bundled.manifest.decoder.outputs
                .single()
                .shape
                .takeLast(2),
            listOf(avatar.height, avatar.width),
        )
        val expected = golden
            .getValue(
                "0.outputs.avatar",
            ).values
            .map { floor(255 * it + 0.5).coerceIn(0.0, 255.0) / 255 }
        val psnr = psnr(expected.toDoubleArray(), planes(avatar.pixels))
        println("golden run: $psnr dB; ${events.last()}")
        assertTrue(psnr >= 55, "$psnr dB")
    }

    /** Returns the selfies of the recorded run as pictures of the encoder's size. */
    private fun selfies(golden: Map<String, GoldenTensor>): List<Selfie> {
        val (_, _, height, width) = golden.getValue("0.inputs.selfies").shape
        val count = golden
            .getValue("0.inputs.selfie_mask")
            .values
            .sum()
            .toInt()
        val values = golden.getValue("0.inputs.selfies").values
        return List(count) { selfie ->
            val pixels =
                IntArray(height * width) {
                    val (red, green, blue) = List(3) { channel ->
                        (
                            values[(selfie * 3 + channel) * height * width + it] *
                                255 +
                                0.5
                        ).toInt()
                    }
                    (255 shl 24) or (red shl 16) or (green shl 8) or blue
                }
            Selfie { PixelPicture(width, height, pixels.clone()) }
        }
    }
}
