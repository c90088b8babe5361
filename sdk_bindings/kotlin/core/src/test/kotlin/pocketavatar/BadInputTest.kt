package pocketavatar

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import java.io.IOException
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

class BadInputTest {
    private var calls = 0
    private val studio = studio(options = StudioOptions(backend = FakeBackend { calls++ }))

    private fun refusals(vararg selfies: Selfie): List<Refusal> {
        val checked = runBlocking { studio.check(selfies.toList()) }
        val error =
            assertFailsWith<AvatarException.SelfiesRefused> {
                runBlocking { studio.avatars(selfies.toList(), freeStyle).collect() }
            }
        assertEquals(checked.map { it.message }, error.refusals.map { it.message })
        assertEquals(0, calls, "a network ran")
        return checked
    }

    @Test
    fun `no selfies, and too many, are refused by number alone`() {
        val none = refusals().single()
        assertEquals(listOf(null, SelfieRule.COUNT, 0.0, 1.0), listOf(none.selfie, none.rule, none.value, none.limit))
        val unopened = Selfie { error("opened") }
        val most = studio.maxSelfies
        val many = refusals(*Array(most + 1) { unopened }).single()
        assertEquals(
            listOf(null, SelfieRule.COUNT, most + 1.0, most.toDouble()),
            listOf(many.selfie, many.rule, many.value, many.limit),
        )
    }

    @Test
    fun `more selfies than the encoder takes are refused, whatever the rules say`() {
        val places = testManifest.selfies.shape.first()
        val studio = studio(testManifest.with(rules = emptyList()))
        val many = runBlocking { studio.check(List(places + 1) { Selfie { error("opened") } }) }.single()
        assertEquals(listOf(SelfieRule.COUNT, places.toDouble()), listOf(many.rule, many.limit))
    }

    @Test
    fun `as many selfies as the model has places are taken`() {
        assertEquals(emptyList(), runBlocking { studio.check(List(studio.maxSelfies) { tiles(it) }) })
    }

    @Test
    fun `a picture of one pixel is refused, and the rules are named in order`() {
        val found = refusals(tiles(1), plain(0x808080, 1, 1))
        assertTrue(found.all { it.selfie == 1 })
        assertEquals(listOf(SelfieRule.SIDE, SelfieRule.CONTRAST, SelfieRule.SHARPNESS), found.map { it.rule })
        assertEquals(1.0, found.first().value)
    }

    @Test
    fun `black and white are refused, and the same one twice`() {
        assertTrue(refusals(plain(0)).any { it.rule == SelfieRule.BRIGHTNESS && it.value == 0.0 })
        assertTrue(refusals(plain(0xFFFFFF)).any { it.rule == SelfieRule.BRIGHTNESS && it.limit < 1.0 })
        val twice = refusals(tiles(1), tiles(2), tiles(1)).single()
        assertEquals(
            listOf(2, SelfieRule.DIFFERENCE, 0.0, 0),
            listOf(twice.selfie, twice.rule, twice.value, twice.earlier),
        )
        assertTrue(twice.message.startsWith("selfie 2: difference to selfie 0 is 0, expected at least"), twice.message)
    }

    @Test
    fun `what cannot be decoded is named`() {
        val broken = Selfie { throw IOException("cut short") }
        val error =
            assertFailsWith<AvatarException.UnreadablePicture> {
                runBlocking { studio.check(listOf(tiles(1), broken)) }
            }
        assertEquals(listOf(1, "cut short"), listOf(error.selfie, error.reason))
    }

    @Test
    fun `an app's decoder may throw anything`() {
        val why = IllegalStateException("no such codec")
        val error =
            assertFailsWith<AvatarException.UnreadablePicture> {
                runBlocking { studio.check(listOf(tiles(1), Selfie { throw why })) }
            }
        assertEquals(listOf(1, "no such codec", why), listOf(error.selfie, error.reason, error.cause))
        assertPassesThrough { thrown -> studio.check(listOf(Selfie { throw thrown })) }
    }

    @Test
    fun `a face detector that fails is named`() {
        fun detecting(wrong: Exception) = studio(options = StudioOptions(FakeBackend(), faceDetector = { throw wrong }))
        val why = IllegalStateException("no such model")
        val error =
            assertFailsWith<AvatarException.RuntimeFailed> {
                runBlocking { detecting(why).check(listOf(tiles(1))) }
            }
        assertEquals(listOf("face detector", "no such model", why), listOf(error.component, error.reason, error.cause))
        assertPassesThrough { thrown -> detecting(thrown).check(listOf(tiles(1))) }
    }

    private fun assertPassesThrough(check: suspend (Exception) -> Unit) {
        assertFailsWith<CancellationException> { runBlocking { check(CancellationException("enough")) } }
        assertFailsWith<AvatarException.Closed> { runBlocking { check(AvatarException.Closed()) } }
    }

    @Test
    fun `a picture of 400 million pixels is not read`() {
        val huge =
            Selfie {
                object : Picture {
                    override val width = 20_000
                    override val height = 20_000
                    override val orientation = 1

                    override fun readRow(left: Int, y: Int, count: Int, into: IntArray): Unit = error("read")

                    override fun close() {}
                }
            }
        val error = assertFailsWith<AvatarException.UnreadablePicture> { runBlocking { studio.check(listOf(huge)) } }
        assertTrue("20000×20000" in error.reason, error.reason)
    }

    private fun face(middle: Double, scale: Double): FaceLandmarks {
        fun point(x: Double, y: Double) = FaceLandmarks.Point(middle + x * scale, middle + y * scale)
        return FaceLandmarks(
            leftEye = point(-0.16, -0.04),
            rightEye = point(0.16, -0.04),
            nose = point(0.0, 0.14),
            leftMouth = point(-0.13, 0.32),
            rightMouth = point(0.13, 0.32),
        )
    }

    private val alignedFaces = testManifest.with(takesAlignedFaces = true)

    private fun finding(vararg faces: FaceLandmarks) =
        StudioOptions(FakeBackend(), landmarkDetector = { faces.toList() })

    @Test
    fun `a model that takes aligned faces crops the face, and one is needed`() {
        val one = face(enoughPixels / 2.0, enoughPixels / 2.0)
        for (faces in listOf(emptyList(), listOf(one, one))) {
            val studio = studio(alignedFaces, finding(*faces.toTypedArray()))
            val refusal = runBlocking { studio.check(listOf(tiles(1))) }.single()
            assertEquals(listOf(SelfieRule.FACES, faces.size.toDouble()), listOf(refusal.rule, refusal.value))
        }

        fun drawn(manifest: Manifest, options: StudioOptions): List<Int> =
            runBlocking {
                studio(manifest, options)
                    .avatars(listOf(tiles(1)), freeStyle, seed = 1u, entitlement = Tier.PLUS)
                    .toList()
                    .filterIsInstance<AvatarEvent.Drawn>()
                    .single()
                    .avatar.pixels
                    .toList()
            }
        val square = drawn(testManifest, StudioOptions(FakeBackend()))
        assertNotEquals(square, drawn(alignedFaces, finding(one)))
        assertEquals(square, drawn(testManifest, finding(one)), "a model of centre squares crops no face")
        assertEquals(emptyList(), runBlocking { studio(options = finding()).check(listOf(tiles(1))) })
    }

    @Test
    fun `a model that takes aligned faces opens with a landmark detector only`() {
        val error = assertFailsWith<AvatarException.LandmarkDetectorMissing> { studio(alignedFaces) }
        assertTrue("pass one as StudioOptions(landmarkDetector = ...)" in error.message.orEmpty(), error.message)
        studio(alignedFaces, finding()).close()
    }

    @Test
    fun `landmarks that coincide, and a detector of them that fails, are named`() {
        val found = listOf(face(5.0, 0.0))
        val detectors =
            mapOf(
                "all points are one" to FaceLandmarkDetector { found },
                "no model" to FaceLandmarkDetector { throw IllegalStateException("no model") },
            )
        for ((reason, detector) in detectors) {
            val studio = studio(alignedFaces, StudioOptions(FakeBackend(), landmarkDetector = detector))
            val error =
                assertFailsWith<AvatarException.RuntimeFailed> {
                    runBlocking { studio.check(listOf(tiles(1))) }
                }
            assertEquals(listOf("landmark detector", reason), listOf(error.component, error.reason))
        }
    }

    @Test
    fun `face rules apply only if there is a face detector`() {
        val side = enoughPixels

        fun found(vararg faces: Face): List<SelfieRule> {
            val studio = studio(options = StudioOptions(FakeBackend(), faceDetector = { faces.toList() }))
            return runBlocking { studio.check(listOf(tiles(1, side, side * 3 / 2))) }.map { it.rule }
        }
        val good = Face(left = side / 4.0, top = side / 2.0, width = side / 2.0, height = side / 2.0)
        assertEquals(emptyList(), found(good))
        assertEquals(listOf(SelfieRule.FACES), found())
        assertEquals(listOf(SelfieRule.FACES), found(good, good))
        assertEquals(
            listOf(SelfieRule.FACE_SIZE, SelfieRule.FACE_OFFSET),
            found(Face(0.0, 0.0, side / 10.0, side / 10.0)),
        )
    }
}
