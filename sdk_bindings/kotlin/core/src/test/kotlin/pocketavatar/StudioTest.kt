package pocketavatar

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

class StudioTest {
    private val two = listOf(tiles(1), tiles(2))

    private fun draw(
        studio: AvatarStudio = studio(),
        selfies: List<Selfie> = two,
        style: AvatarStyle = freeStyle,
        count: Int = 1,
        seed: ULong = 7u,
        steps: Int? = null,
        entitlement: Tier = Tier.FREE,
    ): List<AvatarEvent> = runBlocking { studio.avatars(selfies, style, count, seed, steps, entitlement).toList() }

    private fun avatars(events: List<AvatarEvent>) = events.filterIsInstance<AvatarEvent.Drawn>().map { it.avatar }

    @Test
    fun `a run reports each step, each avatar and the end`() {
        val events = draw(count = 2, steps = 4)
        val expected =
            (0..1).flatMap { avatar ->
                (1..4).map { "Progress(avatar=$avatar, step=$it, steps=4)" } + "Drawn(avatar=$avatar)"
            }
        assertEquals(expected, events.dropLast(1).map { it.toString() })
        val end = assertIs<AvatarEvent.Finished>(events.last())
        assertEquals(2, end.count)
        assertTrue(assertNotNull(end.peakMemoryBytes) > 10_000_000)
        assertTrue(end.secondsPerStep > 0 && end.totalSeconds > 8 * end.secondsPerStep, end.toString())
    }

    @Test
    fun `the same selfies, style and seed give the same avatar, others another`() {
        val first = avatars(draw()).single()
        assertContentEquals(first.pixels, avatars(draw()).single().pixels)
        val others =
            listOf(
                draw(seed = 8u),
                draw(style = AvatarStyle.entries.last(), entitlement = Tier.PLUS),
                draw(selfies = listOf(tiles(3))),
                draw(steps = 1),
            )
        others.forEachIndexed {
            i,
            other,
            ->
            assertFalse(avatars(other).single().pixels.contentEquals(first.pixels), "$i")
        }
    }

    @Test
    fun `avatar k of a run has seed + k, which wraps to 0`() {
        val set = avatars(draw(count = 3, seed = ULong.MAX_VALUE - 1u))
        assertEquals(listOf(ULong.MAX_VALUE - 1u, ULong.MAX_VALUE, 0uL), set.map { it.seed })
        assertEquals(listOf(0, 1, 2), set.map { it.index })
        assertContentEquals(avatars(draw(seed = 0u)).single().pixels, set.last().pixels)
    }

    @Test
    fun `a style of the plus tier needs the entitlement, before anything is done`() {
        var opened = 0
        val selfie =
            Selfie {
                opened++
                tiles(1).open()
            }
        var calls = 0
        val studio = studio(options = StudioOptions(backend = FakeBackend { calls++ }))
        val error =
            assertFailsWith<AvatarException.StyleNeedsPlus> {
                draw(studio, listOf(selfie), style = plusStyle)
            }
        assertEquals(plusStyle, error.style)
        assertEquals(0, opened + calls)
        assertEquals(
            2,
            draw(studio, listOf(selfie), plusStyle, steps = 1, entitlement = Tier.PLUS).count {
                it !is AvatarEvent.Finished
            },
        )
    }

    @Test
    fun `a number of steps that the model was not made for is refused`() {
        assertEquals(listOf(2, 1, 4), studio().steps)
        val error = assertFailsWith<AvatarException.StepsUnknown> { draw(steps = 3) }
        assertEquals(listOf(1, 2, 4), error.known)
    }

    @Test
    fun `styles are found by the names that apps store`() {
        AvatarStyle.entries.forEach { assertEquals(it, AvatarStyle.named(it.id)) }
        val error = assertFailsWith<AvatarException.StyleUnknown> { AvatarStyle.named("vaporwave") }
        assertEquals(
            "no style is named vaporwave; the model has ${AvatarStyle.entries.joinToString { it.id }}",
            error.message,
        )
        AvatarStyle.entries.forEach { style ->
            for (part in listOf(style.source, style.creator, style.licence, style.licenceUrl)) {
                assertTrue(part in style.credit)
            }
            assertFalse("“”" in style.credit || "()" in style.credit || "by ," in style.credit, style.credit)
        }
    }

    @Test
    fun `a closed studio says so`() {
        val studio = studio()
        studio.close()
        assertFailsWith<AvatarException.Closed> { draw(studio) }
        assertFailsWith<AvatarException.Closed> { runBlocking { studio.check(two) } }
        assertFailsWith<AvatarException.Closed> { runBlocking { studio.prepare() } }
    }

    @Test
    fun `closing during a run ends it`() {
        lateinit var studio: AvatarStudio
        studio = studio(options = StudioOptions(backend = FakeBackend { if (it == "denoiser") studio.close() }))
        assertFailsWith<AvatarException.Closed> { draw(studio) }
    }

    @Test
    fun `the memory signal is watched until the studio is closed`() {
        var watching = 0
        val pressure =
            MemoryPressure {
                watching++
                AutoCloseable { watching-- }
            }
        val studio = studio(options = StudioOptions(backend = FakeBackend(), memoryPressure = pressure))
        assertEquals(1, watching)
        studio.close()
        assertEquals(0, watching)
    }

    @Test
    fun `less than one avatar is refused, before anything is done`() {
        val unopened = Selfie { error("opened") }
        for (count in listOf(0, -1)) {
            val error =
                assertFailsWith<AvatarException.CountInvalid> {
                    draw(selfies = listOf(unopened), count = count)
                }
            assertEquals(count, error.count)
            assertEquals("$count avatars were asked for, expected at least 1", error.message)
        }
    }
}
