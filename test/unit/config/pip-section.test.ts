import { describe, expect, it } from 'vitest';
import { pipEntry } from '../../../src/config/pip-section.js';

describe('an entry of a pip: section', () => {
  it.each<[string, string | undefined, string?]>([
    ['requests', 'requests'],
    ['Flask-SQLAlchemy ~= 3.0', 'flask-sqlalchemy'],
    ['ruamel.yaml>=0.17,<1', 'ruamel-yaml'],
    ['zope__interface!=5', 'zope-interface'],
    ['uvicorn[standard,http2]==0.30', 'uvicorn'],
    ['black [jupyter]', 'black'],
    ['colorama; sys_platform == "win32"', 'colorama'],
    ['numpy # pinned later', 'numpy'],
    ['x @ https://u:p@h/x.whl?t=1', 'x', 'x @ https://…'],
    ['-r requirements.txt', undefined],
    ['-e .', undefined],
    ['./local.whl', undefined],
    ['dir/local.whl', undefined],
    ['git+ssh://git@h/x', undefined, 'git+ssh://…'],
    ['', undefined],
  ])('%j is of %j', (entry, name, text = entry) => {
    expect(pipEntry(entry)).toEqual({ text, name });
  });
});
