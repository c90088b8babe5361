package pocketavatar

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.io.IOException
import java.nio.FloatBuffer

/** Selfies to tensors, refused or not. */
internal class Intake(
    private val manifest: Manifest,
    private val faces: FaceDetector?,
    private val buffers: Buffers,
) {
    private val size = manifest.selfies.shape.last()
    private val rules = SelfieRules(manifest.rules)
    private val preparation = Preparation(size, buffers)

    /**
     * Prepares each selfie into [places], (n,3,size,size), sets its [mask] to 1, and says which
     * rules are broken. A wrong number of selfies stands alone: then none is opened.
     */
    suspend fun read(selfies: List<Selfie>, places: FloatBuffer, mask: FloatBuffer): List<Refusal> {
        val wrongCount = rules.ofCount(selfies.size)
        if (wrongCount.isNotEmpty()) return wrongCount
        val prepared = selfies.indices.map { places.part(it * 3 * size * size, 3 * size * size) }
        return selfies.flatMapIndexed { index, selfie ->
            currentCoroutineContext().ensureActive()
            val measures = readOne(index, selfie, prepared[index]) + measuresOf(prepared[index], size, buffers)
            mask.put(index, 1f)
            rules.ofSelfie(index, measures, prepared[index], prepared.take(index))
        }
    }

    private fun readOne(index: Int, selfie: Selfie, place: FloatBuffer): Map<Rule, Double> =
        try {
            selfie.open().use { picture ->
                Picture.checkSize(picture.width, picture.height)
                preparation.prepare(picture, place)
                measuresOf(picture, faces?.faces(picture))
            }
        } catch (error: IOException) {
            throw AvatarException.UnreadablePicture(index, error.message ?: error.toString(), error)
        } catch (error: OutOfMemoryError) {
            throw AvatarException.OutOfMemory("reading selfie $index", error)
        }
}
