import { version } from 'react';
import { createRoot } from 'react-dom/client';

createRoot(document.getElementById('root')).render(<p>React {version} at {window.location.pathname}</p>);
