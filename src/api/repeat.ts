/** Runs a task again and again, with a pause after each run; a failure is told and the next run comes all the same. */
export function repeat(task: () => Promise<void>, pauseMs: number, onFailure: (error: unknown) => void): Disposable {
  let stopped = false
  let timer: NodeJS.Timeout
  const schedule = () => {
    timer = setTimeout(() => {
      void task()
        .catch(onFailure)
        .then(() => {
          if (!stopped) schedule()
        })
    }, pauseMs)
    timer.unref()
  }
  schedule()
  return {
    [Symbol.dispose]() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
