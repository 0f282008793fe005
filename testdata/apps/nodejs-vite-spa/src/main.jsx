import { createElement, version } from 'react';
import { createRoot } from 'react-dom/client';

createRoot(document.getElementById('root')).render(createElement('p', null, `React ${version} at ${location.pathname}`));
