package pocketavatar

/**
 * An event that a run reports.
 *
 * For each avatar there is one [Progress] per sampling step and then one [Drawn]. [Finished] is the
 * last event of a run.
 */
public sealed interface AvatarEvent {
    /** One sampling step of one avatar is done. */
    public class Progress(
        /** The index of the avatar that is being drawn, from 0. */
        public val avatar: Int,
        /** The number of steps of this avatar that are done, from 1. */
        public val step: Int,
        /** The number of steps that one avatar takes. */
        public val steps: Int,
    ) : AvatarEvent {
        override fun toString(): String = "Progress(avatar=$avatar, step=$step, steps=$steps)"
    }

    /** One avatar is done. */
    public class Drawn(
        /** The avatar. It belongs to the app from here on. */
        public val avatar: Avatar,
    ) : AvatarEvent {
        override fun toString(): String = "Drawn(avatar=${avatar.index})"
    }

    /** All avatars are done. */
    public class Finished(
        /** The number of avatars that were drawn. */
        public val count: Int,
        /**
         * The largest resident set of this process since it started, in bytes, or null if the system
         * does not report it.
         */
        public val peakMemoryBytes: Long?,
        /** The mean wall-clock time of a sampling step, in seconds. With guidance a step is two calls. */
        public val secondsPerStep: Double,
        /**
         * The wall-clock time from the start of the run to its end, in seconds. It includes loading
         * and the time in the app's collector.
         */
        public val totalSeconds: Double,
    ) : AvatarEvent {
        override fun toString(): String =
            "Finished(count=$count, peakMemoryBytes=$peakMemoryBytes, " +
                "secondsPerStep=$secondsPerStep, totalSeconds=$totalSeconds)"
    }
}
