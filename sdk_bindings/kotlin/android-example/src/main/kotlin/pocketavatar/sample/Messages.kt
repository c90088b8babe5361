package pocketavatar.sample

import pocketavatar.AvatarException
import pocketavatar.Bundled
import pocketavatar.Refusal
import pocketavatar.SelfieRule

/** Returns what a person can do about a refusal. A real app translates it. */
internal fun advice(refusal: Refusal): String {
    val who = refusal.selfie?.let { "Selfie ${it + 1}" }
    return when (refusal.rule) {
        SelfieRule.COUNT -> "Pick 1 to ${Bundled.maxSelfies} selfies."
        SelfieRule.SIDE -> "$who is too small."
        SelfieRule.BRIGHTNESS -> if (refusal.value < refusal.limit) "$who is too dark." else "$who is too bright."
        SelfieRule.CONTRAST -> "$who shows hardly any light and shadow."
        SelfieRule.SHARPNESS -> "$who is blurred."
        SelfieRule.DIFFERENCE -> "$who is nearly the same as selfie ${(refusal.earlier ?: 0) + 1}."
        SelfieRule.FACES -> if (refusal.value < 1) "$who shows no face." else "$who shows several faces."
        SelfieRule.FACE_SIZE -> "Come nearer in ${who?.lowercase()}."
        SelfieRule.FACE_OFFSET -> "The face in ${who?.lowercase()} is far from the middle."
    }
}

/** Returns the message to the user for an error. */
internal fun explanation(error: AvatarException): String =
    when (error) {
        is AvatarException.SelfiesRefused -> error.refusals.joinToString("\n", transform = ::advice)
        is AvatarException.UnreadablePicture -> "Selfie ${error.selfie + 1} cannot be read: ${error.reason}."
        is AvatarException.StyleNeedsPlus -> "${error.style.title} comes with Plus."
        is AvatarException.OutOfMemory -> "There is not enough memory; close other apps and try again."
        is AvatarException.ModelMissing,
        is AvatarException.ModelDamaged,
        is AvatarException.ModelOfAnotherVersion,
        -> "The app is incomplete; install it again."
        is AvatarException.StyleUnknown,
        is AvatarException.StepsUnknown,
        is AvatarException.CountInvalid,
        is AvatarException.LandmarkDetectorMissing,
        is AvatarException.RuntimeFailed,
        is AvatarException.Closed,
        -> "Something went wrong (${error.message})."
    }
