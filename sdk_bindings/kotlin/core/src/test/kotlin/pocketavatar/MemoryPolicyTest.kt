package pocketavatar

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotNull
import kotlin.test.assertNull

/** The policy decides how many networks are in memory, and the order of the calls. */
class MemoryPolicyTest {
    private val loads = ArrayList<String>()
    private var held = 0
    private var most = 0

    private fun counting(fails: String? = null) =
        Backend { component, model ->
            if (component.name == fails) throw OutOfMemoryError("full")
            loads += component.name
            most = maxOf(most, ++held)
            val runner = FakeBackend().load(component, model)
            object : Runner by runner {
                override fun close() {
                    held--
                }
            }
        }

    private val guided = testManifest.with(samplers = listOf(steps(2, guidance = 1.5f)))

    private fun draw(policy: MemoryPolicy, backend: Backend, manifest: Manifest = guided): List<AvatarEvent> {
        val studio = studio(manifest, StudioOptions(backend, memoryPolicy = policy))
        assertEquals(policy, studio.memoryPolicy)
        return runBlocking {
            studio
                .avatars(
                    listOf(tiles(1), tiles(2)),
                    freeStyle,
                    count = 3,
                    seed = 5u,
                    entitlement = Tier.PLUS,
                ).toList()
        }
    }

    @Test
    fun `one at a time loads each network once for all avatars of a guided run`() {
        val events = draw(MemoryPolicy.ONE_AT_A_TIME, counting())
        assertEquals(listOf("identity_encoder", "denoiser", "decoder"), loads)
        assertEquals(listOf(1, 0), listOf(most, held))
        val steps = (0..2).flatMap { avatar -> (1..2).map { "Progress(avatar=$avatar, step=$it, steps=2)" } }
        assertEquals(steps + (0..2).map { "Drawn(avatar=$it)" }, events.dropLast(1).map { it.toString() })
    }

    @Test
    fun `keep all loads each network once for all runs`() {
        val studio = studio(options = StudioOptions(counting(), memoryPolicy = MemoryPolicy.KEEP_ALL))
        val entitlement = Tier.PLUS
        repeat(2) {
            runBlocking { studio.avatars(listOf(tiles(1)), freeStyle, count = 2, entitlement = entitlement).toList() }
        }
        assertEquals(listOf("identity_encoder", "denoiser", "decoder"), loads)
        assertEquals(3, held)
    }

    @Test
    fun `both draw the same avatars`() {
        val (all, one) =
            listOf(MemoryPolicy.KEEP_ALL, MemoryPolicy.ONE_AT_A_TIME).map { policy ->
                draw(policy, FakeBackend()).filterIsInstance<AvatarEvent.Drawn>().map { it.avatar.pixels }
            }
        for ((a, b) in all zip one) assertContentEquals(a, b)
    }

    @Test
    fun `a failed run and preparing hold no network either`() {
        assertFailsWith<AvatarException.OutOfMemory> { draw(MemoryPolicy.ONE_AT_A_TIME, counting(fails = "denoiser")) }
        assertEquals(0, held)
        val studio = studio(options = StudioOptions(counting(), memoryPolicy = MemoryPolicy.ONE_AT_A_TIME))
        runBlocking { studio.prepare() }
        assertEquals(listOf(1, 0), listOf(most, held))
    }

    @Test
    fun `automatic goes by the device's memory`() {
        val manifest = Bundled.manifest
        val needed = Bundled.estimatedPeakMemoryBytes(MemoryPolicy.KEEP_ALL)
        val automatic = MemoryPolicy.AUTOMATIC
        assertEquals(MemoryPolicy.KEEP_ALL, automatic.resolved(manifest, 3 * needed + 2))
        assertEquals(MemoryPolicy.ONE_AT_A_TIME, automatic.resolved(manifest, 3 * needed - 3))
        assertEquals(MemoryPolicy.KEEP_ALL, automatic.resolved(manifest, null))
        assertEquals(MemoryPolicy.KEEP_ALL, MemoryPolicy.KEEP_ALL.resolved(manifest, 1))
    }

    @Test
    fun `the estimate follows files and shapes`() {
        val spec = TensorSpec("x", listOf(2, 50))

        fun estimate(kind: String, policy: MemoryPolicy): Long {
            val components = listOf("one", "two").map { Component(it, "$it.$kind", listOf(spec), listOf(spec)) }
            val files = listOf("README.md" to 7L, "one.$kind" to 1000L, "two.$kind" to 600L)
            return testManifest
                .with(components = components, files = files.map { ModelFile(it.first, it.second, "") })
                .estimatedPeakMemoryBytes(policy)
        }
        val tensors = 16 * 4 * 200L
        assertEquals(5000 + tensors, estimate("onnx", MemoryPolicy.ONE_AT_A_TIME))
        assertEquals(8000 + tensors, estimate("onnx", MemoryPolicy.KEEP_ALL))
        assertEquals(4000 + tensors, estimate("ort", MemoryPolicy.KEEP_ALL))
    }

    @Test
    fun `previews come if the app asks and the model has them`() {
        val shape = testManifest.latents.shape
        val preview = LatentPreview(List(shape[1]) { listOf(0.1f, 0.2f, 0.3f) }, List(3) { 0.5f })

        fun previews(manifest: Manifest, asked: Boolean): List<AvatarEvent.Preview?> =
            runBlocking {
                studio(manifest)
                    .avatars(listOf(tiles(1)), freeStyle, entitlement = Tier.PLUS, previews = asked)
                    .toList()
                    .filterIsInstance<AvatarEvent.Progress>()
                    .map { it.preview }
            }
        previews(testManifest.with(preview = preview), asked = true).forEach {
            assertEquals(shape.takeLast(2), listOf(assertNotNull(it).height, it.width))
        }
        previews(testManifest.with(preview = preview), asked = false).forEach(::assertNull)
        if (testManifest.preview == null) previews(testManifest, asked = true).forEach(::assertNull)
    }
}
