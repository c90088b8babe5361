package pocketavatar

import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

/** Components are loaded when they are needed, dropped on request, and loaded again. */
class RunnersTest {
    private val log = ArrayList<String>()

    private fun recording(onRun: (String) -> Unit = {}) =
        object : Backend {
            override fun load(component: Component, model: ModelReader): Runner {
                log += "load ${component.name}"
                val runner = FakeBackend().load(component, model)
                return object : Runner by runner {
                    override fun run(inputs: Map<String, Tensor>, outputs: Map<String, Tensor>) {
                        onRun(component.name)
                        log += "run ${component.name}"
                        runner.run(inputs, outputs)
                    }

                    override fun close() {
                        log += "close ${component.name}"
                    }
                }
            }
        }

    private fun AvatarStudio.draw() = runBlocking { avatars(listOf(tiles(1)), freeStyle, steps = 1).collect() }

    private fun loaded() = log.count { it.startsWith("load") }

    @Test
    fun `prepared components are not loaded again`() {
        val studio = studio(options = StudioOptions(recording()))
        runBlocking { studio.prepare() }
        assertEquals(3, loaded())
        studio.draw()
        studio.draw()
        assertEquals(3, loaded())
        studio.close()
        assertEquals(3, log.takeLast(3).count { it.startsWith("close") })
    }

    @Test
    fun `dropped models are loaded by the next call`() {
        val studio = studio(options = StudioOptions(recording()))
        studio.draw()
        studio.dropModels()
        assertEquals(3, log.takeLast(3).count { it.startsWith("close") })
        studio.draw()
        assertEquals(6, loaded())
    }

    @Test
    fun `a signal in the middle of a call drops the models after it, and the run goes on`() {
        lateinit var studio: AvatarStudio
        var signals = 1
        val backend = recording { if (it == "denoiser" && signals-- > 0) studio.dropModels() }
        studio = studio(options = StudioOptions(backend))
        studio.draw()
        val expected =
            "load identity_encoder, run identity_encoder, load denoiser, run denoiser, " +
                "close identity_encoder, close denoiser, load decoder, run decoder"
        assertEquals(expected.split(", ").sorted(), log.sorted())
        assertEquals("run denoiser", log[3])
    }

    @Test
    fun `a signal that comes from another thread does not wait for the call`() {
        lateinit var studio: AvatarStudio
        val backend =
            recording { name ->
                if (name == "denoiser") Thread { studio.dropModels() }.apply { start() }.join()
            }
        studio = studio(options = StudioOptions(backend))
        studio.draw()
        assertEquals(2, log.count { it.startsWith("close") })
    }

    @Test
    fun `models are dropped when memory runs out in the library or in a backend`() {
        val withoutMemory = listOf(OutOfMemoryError("full"), AvatarException.OutOfMemory("running denoiser"))
        for (error in withoutMemory) {
            log.clear()
            val backend = recording { if (it == "denoiser" && loaded() == 2) throw error }
            val studio = studio(options = StudioOptions(backend))
            assertFailsWith<AvatarException.OutOfMemory> { studio.draw() }
            assertEquals(setOf("close identity_encoder", "close denoiser"), log.takeLast(2).toSet())
            studio.draw()
            assertEquals(5, loaded())
        }
    }

    @Test
    fun `models are dropped when memory runs out while a selfie is read`() {
        val studio = studio(options = StudioOptions(recording()))
        studio.draw()
        val huge = Selfie { throw OutOfMemoryError("full") }
        assertFailsWith<AvatarException.OutOfMemory> { runBlocking { studio.check(listOf(huge)) } }
        assertEquals(3, log.takeLast(3).count { it.startsWith("close") })
    }

    @Test
    fun `a component that cannot be loaded is named`() {
        val backend = Backend { _, _ -> error("no such operator") }
        val error = assertFailsWith<AvatarException.RuntimeFailed> { studio(options = StudioOptions(backend)).draw() }
        assertEquals(listOf("identity_encoder", "no such operator"), listOf(error.component, error.reason))
    }
}
