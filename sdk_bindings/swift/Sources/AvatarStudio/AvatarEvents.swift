/// The events of one run.
///
/// The sequence can be iterated once.
///
/// It ends after `finished` or throws an `AvatarError`. A cancelled task always gets
/// `AvatarError.cancelled`, after the run has stopped and its memory is zeroed.
public struct AvatarEvents: AsyncSequence, Sendable {
  /// The element of the sequence.
  public typealias Element = AvatarEvent

  private let stream: AsyncThrowingStream<AvatarEvent, any Error>
  private let task: Task<Void, Never>

  typealias Send = @Sendable (AvatarEvent) -> Void

  /// Starts a run that sends its events.
  ///
  /// `finished` is sent after the run has returned, so that its memory is zeroed by then.
  init(_ run: @escaping @Sendable (Send) async throws(AvatarError) -> AvatarEvent.Finished) {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: AvatarEvent.self)
    // The new task does not inherit the cancellation of this one.
    let isCancelled = Task.isCancelled
    let task = Task {
      do throws(AvatarError) {
        if isCancelled { throw .cancelled }
        let summary = try await run { continuation.yield($0) }
        continuation.yield(.finished(summary))
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { reason in
      if case .cancelled = reason { task.cancel() }
    }
    self.stream = stream
    self.task = task
  }

  /// Returns an iterator over the events. Call it once.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(events: stream.makeAsyncIterator(), task: task)
  }

  /// Returns one event after another.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var events: AsyncThrowingStream<AvatarEvent, any Error>.AsyncIterator
    fileprivate let task: Task<Void, Never>
    private var isOver = false

    fileprivate init(
      events: AsyncThrowingStream<AvatarEvent, any Error>.AsyncIterator, task: Task<Void, Never>
    ) {
      self.events = events
      self.task = task
    }

    /// Returns the next event, or nil after the last one. Throws an `AvatarError`.
    public mutating func next() async throws -> AvatarEvent? {
      if isOver { return nil }
      let event = try await nextOrError()
      if case .finished = event { isOver = true }
      return event
    }

    private mutating func nextOrError() async throws -> AvatarEvent {
      do {
        if let event = try await events.next() { return event }
      } catch {
        isOver = true
        throw error
      }
      // In a cancelled task the stream ends without an error, so the error is thrown here.
      isOver = true
      await task.value
      throw AvatarError.cancelled
    }
  }
}
