// Without the font that comes with VitePress: 0.6 MB that the image, and every reader, is spared.
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
