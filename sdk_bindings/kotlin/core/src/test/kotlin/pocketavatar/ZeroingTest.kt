package pocketavatar

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.io.IOException
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Memory is set to 0 when a run ends, fails or is cancelled. */
class ZeroingTest {
    private val guided = testManifest.with(samplers = listOf(steps(2, guidance = 1.5f)))

    /** The calls for two avatars of two steps with guidance: encoder 2, denoiser 8, decoder 2. */
    private val calls = 12

    private lateinit var job: Job

    private inner class Watched(
        onCall: (Int) -> Unit,
    ) {
        val allocator = WatchedAllocator()
        var call = 0
        var used = 0
        private val backend =
            FakeBackend {
                used = maxOf(used, allocator.used())
                onCall(call++)
            }
        private val studio = studio(guided, StudioOptions(backend, allocator = allocator))

        suspend fun draw(selfies: List<Selfie> = listOf(tiles(1), tiles(2))) =
            studio.avatars(selfies, freeStyle, count = 2).collect()

        suspend fun prepare() = studio.prepare()

        fun assertWiped(least: Int = 4) {
            assertTrue(used >= least, "only $used buffers were in use")
            assertEquals(0, allocator.used(), "buffers that are not 0")
        }
    }

    @Test
    fun `buffers are 0 after a run`() {
        val watched = Watched {}
        runBlocking { watched.draw() }
        assertEquals(calls, watched.call)
        watched.assertWiped()
    }

    @Test
    fun `buffers are 0 after any call fails`() {
        for (last in 0 until calls) {
            val watched = Watched { if (it == last) error("out of luck") }
            val error = assertFailsWith<AvatarException.RuntimeFailed> { runBlocking { watched.draw() } }
            assertEquals("out of luck", error.reason)
            watched.assertWiped()
        }
    }

    @Test
    fun `buffers are 0 after memory runs out in any call`() {
        for (last in 0 until calls) {
            val watched = Watched { if (it == last) throw OutOfMemoryError("full") }
            assertFailsWith<AvatarException.OutOfMemory> { runBlocking { watched.draw() } }
            watched.assertWiped()
        }
    }

    @Test
    fun `buffers are 0 after cancellation during any call, and no further call is made`() {
        for (last in 0 until calls) {
            val watched = Watched { if (it == last) job.cancel() }
            assertCancels { watched.draw() }
            assertEquals(last + 1, watched.call)
            watched.assertWiped()
        }
    }

    @Test
    fun `buffers are 0 after cancellation while a selfie is opened, and no further selfie is opened`() {
        lateinit var watched: Watched
        val cancelling =
            Selfie {
                watched.used = watched.allocator.used()
                job.cancel()
                tiles(2).open()
            }
        val unopened = Selfie { error("opened") }
        for (further in listOf(emptyList(), listOf(unopened))) {
            watched = Watched {}
            assertCancels { watched.draw(listOf(tiles(1), cancelling) + further) }
            assertEquals(0, watched.call, "a network ran")
            watched.assertWiped(least = 2)
        }
    }

    @Test
    fun `buffers are 0 after cancellation while the model is prepared`() {
        for (last in 0 until 3) {
            val watched = Watched { if (it == last) job.cancel() }
            assertCancels { watched.prepare() }
            assertEquals(last + 1, watched.call)
            watched.assertWiped(least = last)
        }
    }

    /** Does [work] in [job]. The work cancels the job and must end with a cancellation. */
    private fun assertCancels(work: suspend () -> Unit) {
        runBlocking {
            job = launch(start = CoroutineStart.LAZY) { assertFailsWith<CancellationException> { work() } }
            job.join()
        }
        assertTrue(job.isCancelled)
    }

    @Test
    fun `buffers are 0 after selfies are checked, refused or broken`() {
        val allocator = WatchedAllocator()
        val studio = studio(options = StudioOptions(FakeBackend(), allocator = allocator))
        val broken = Selfie { throw IOException("broken").also { assertTrue(allocator.used() > 0) } }
        runBlocking { studio.check(listOf(tiles(1), plain(0))) }
        assertEquals(0, allocator.used())
        assertFailsWith<AvatarException.UnreadablePicture> { runBlocking { studio.check(listOf(tiles(1), broken)) } }
        assertEquals(0, allocator.used())
    }

    @Test
    fun `a picture is closed, and its pixels are 0`() {
        val pixels = IntArray(200 * 200) { it * 77 or (255 shl 24) }
        runBlocking { studio().check(listOf(Selfie { PixelPicture(200, 200, pixels) })) }
        assertTrue(pixels.all { it == 0 })
    }
}
