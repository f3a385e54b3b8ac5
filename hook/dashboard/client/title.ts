import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** The page's heading: it gets the focus when the page is turned, so that it is read out. */
export function useTitle(title: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · statigo`;
  }, [title]);
  // Before it is seen: a key pressed at once goes where the eye is.
  useLayoutEffect(() => {
    window.scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, []);
  return heading;
}
